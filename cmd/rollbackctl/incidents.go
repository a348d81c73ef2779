package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// incidents lists what the ledger has.
type incidents struct {
	person
	format           choice
	namespace, since string
	open, all        bool
}

func newIncidents(around surroundings) *cobra.Command {
	l := &incidents{person: person{around: around}, format: choice{value: "table", of: []string{"table", "json", "ndjson"}}}
	cmd := &cobra.Command{
		Use:   "incidents",
		Short: "List the incidents of a namespace or an environment",
		Long: "Incidents lists the releases that were proven bad, the newest first, with what became of them. The daemon keeps them for two years.\n" +
			"Without --namespace it asks for all namespaces, which needs the permission to control all of them.",
		Example: "  rollbackctl incidents --env production --namespace shop --since 30d\n" +
			"  rollbackctl incidents --env production --open -o ndjson",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return l.run(cmd.Context()) },
	}
	l.identify(cmd)
	flags := cmd.Flags()
	flags.VarP(&l.format, "output", "o", "table, json or ndjson")
	flags.StringVar(&l.namespace, "namespace", "", "only this namespace")
	flags.StringVar(&l.since, "since", "90d", "only deployments of the last days or hours, such as 30d, or since a day; 0 for all")
	flags.BoolVar(&l.open, "open", false, "only incidents that go on")
	flags.BoolVar(&l.all, "all", false, "deployments that were no incident, too")
	return cmd
}

func (l *incidents) run(ctx context.Context) error {
	if err := l.complete(); err != nil {
		return err
	}
	since, err := parseSince(l.since, time.Now())
	if err != nil {
		return err
	}
	digests, err := l.digests(ctx, l.namespace, control.Reading{Since: since, Open: l.open, All: l.all})
	if err != nil {
		return err
	}
	if l.format.value != "table" {
		return writeDigests(l.around.out, l.format.value, digests)
	}
	return l.table(digests)
}

// writeDigests writes them for a program: as one array, or one a line.
func writeDigests(out io.Writer, format string, digests []incident.Digest) error {
	if format == "json" {
		return writeJSON(out, digests)
	}
	for _, d := range digests {
		if err := writeJSON(out, d); err != nil {
			return err
		}
	}
	return nil
}

// digests reads the ledger of a namespace, or of the environment, the newest deployment first.
func (p *person) digests(ctx context.Context, namespace string, reading control.Reading) ([]incident.Digest, error) {
	target, err := p.scope(namespace)
	if err != nil {
		return nil, err
	}
	seen := map[string]int{} // a record that changes while it is read may come twice, the newer one last
	digests := []incident.Digest{}
	err = p.pages(ctx, control.Incidents, target, control.Request{Reading: reading}, func(line []byte) error {
		d, err := decodeLine[incident.Digest](line)
		if err != nil {
			return err
		}
		if i, again := seen[d.Watch]; again {
			digests[i] = d
			return nil
		}
		seen[d.Watch] = len(digests)
		digests = append(digests, d)
		return nil
	})
	slices.SortStableFunc(digests, func(a, b incident.Digest) int {
		return cmp.Or(b.At().Compare(a.At()), cmp.Compare(a.Watch, b.Watch))
	})
	return digests, whole(err, target, "give --namespace")
}

func (l *incidents) table(digests []incident.Digest) error {
	if len(digests) == 0 {
		_, err := fmt.Fprintln(l.around.out, "no incident")
		return err
	}
	w := tabwriter.NewWriter(l.around.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DEPLOYED\tWORKLOAD\tVERSION\tSTATE\tBROKE\tREVIEW\tINCIDENT")
	for _, d := range digests {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.At().UTC().Format(time.DateTime), plain(d.Namespace+"/"+d.Workload), plain(d.Version),
			plain(d.State), plain(broke(d)), plain(reviewed(d)), plain(cmp.Or(d.Incident, "-")))
	}
	return w.Flush()
}

// broke is the signal that decided, with its number against the limit.
func broke(d incident.Digest) string {
	switch {
	case d.Signal == "":
		return "-"
	case d.ValueText == "":
		return d.Signal
	}
	return fmt.Sprintf("%s %s (limit %s)", d.Signal, d.ValueText, d.LimitText)
}

// reviewed is how the review stands.
func reviewed(d incident.Digest) string {
	switch r := d.Postmortem; {
	case r == nil:
		return "-"
	case !r.DoneAt.IsZero():
		return r.Name() + " done"
	default:
		return r.Name() + " due " + r.Due.UTC().Format(time.DateTime)
	}
}
