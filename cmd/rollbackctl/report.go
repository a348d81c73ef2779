package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/report"
)

// review reports on what the ledger has of a period.
type review struct {
	person
	format                      choice
	namespace, since, until, to string
}

func newReport(around surroundings) *cobra.Command {
	r := &review{person: person{around: around}, format: choice{value: "table", of: []string{"table", "json", "html"}}}
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Report on deployments, failures and rollbacks of a period",
		Long: "Report shows how often was deployed, how much of it was bad, how long it took to find out, to roll back and to be well again, which drills\n" +
			"there were, and which postmortems are open; compared with the same time before, by service and by week. Rates have their counts and 95 %\n" +
			"intervals. docs/report.md says how each figure is defined, and where it misleads.\n\n" +
			"Without --namespace it asks for all namespaces, which needs the permission to control all of them.",
		Example: "  rollbackctl report --env production\n" +
			"  rollbackctl report --env production --since 2026-07-01 --until 2026-10-01 -o html --out q3.html",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd.Context(), time.Now().UTC()) },
	}
	r.identify(cmd)
	flags := cmd.Flags()
	flags.VarP(&r.format, "output", "o", "table, json or html")
	flags.StringVar(&r.namespace, "namespace", "", "only this namespace")
	flags.StringVar(&r.since, "since", "90d", "beginning of the period: a span of time before its end, such as 90d, a day or an instant")
	flags.StringVar(&r.until, "until", "", "end of the period: a day or an instant (default now)")
	flags.StringVar(&r.to, "out", "", "file to write to (default standard output)")
	return cmd
}

func (r *review) run(ctx context.Context, now time.Time) error {
	if err := r.complete(); err != nil {
		return err
	}
	scope, err := r.scopeOf(now)
	if err != nil {
		return err
	}
	digests, err := r.digests(ctx, r.namespace, control.Reading{Since: scope.Start(), All: true})
	if err != nil {
		return err
	}
	incidents, err := r.digests(ctx, r.namespace, control.Reading{}) // older ones may still wait for their review
	if err != nil {
		return err
	}
	made := report.Make(append(digests, incidents...), scope)
	return r.write(func(out io.Writer) error {
		switch r.format.value {
		case "json":
			return writeJSON(out, made)
		case "html":
			return report.Page(out, made)
		}
		return report.Text(out, made)
	})
}

// scopeOf is the period that the flags name.
func (r *review) scopeOf(now time.Time) (report.Scope, error) {
	to := now
	if r.until != "" {
		at, err := time.Parse(time.RFC3339, r.until)
		if err != nil {
			at, err = time.Parse(time.DateOnly, r.until)
		}
		if err != nil || at.After(now) {
			return report.Scope{}, fmt.Errorf("--until %q is not a day or an instant that is past, such as 2026-10-01 or 2026-10-01T00:00:00Z", r.until)
		}
		to = at.UTC()
	}
	from, err := parseSince(r.since, to)
	switch {
	case err != nil:
		return report.Scope{}, err
	case from.IsZero():
		return report.Scope{}, errors.New("--since needs a beginning: the period is compared with the one of the same length before it")
	case !from.Before(to):
		return report.Scope{}, fmt.Errorf("--since %s is not before the end of the period, %s", r.since, to.Format(time.RFC3339))
	}
	return report.Scope{Environment: r.environment, Namespace: r.namespace, From: from, To: to}, nil
}

// write writes to standard output, or to a file that is there as a whole or not at all.
func (r *review) write(content func(io.Writer) error) error {
	if r.to == "" {
		return content(r.around.out)
	}
	file, err := os.CreateTemp(filepath.Dir(r.to), ".rollbackctl-report-*")
	if err != nil {
		return fmt.Errorf("unable to write --out: %w", err)
	}
	err = content(file)
	err = cmp.Or(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), r.to)
	}
	if err != nil {
		_ = file.Close() // it may be closed already
		return errors.Join(fmt.Errorf("unable to write --out: %w", err), os.Remove(file.Name()))
	}
	return nil
}
