package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// maxJournalLine bounds a line of a journal's file.
const maxJournalLine = 64 << 20

// record shows the record of one incident, or writes its folder.
type record struct {
	person
	namespace, out, journal string
}

func newIncident(around surroundings) *cobra.Command {
	r := &record{person: person{around: around}}
	cmd := &cobra.Command{
		Use:   "incident [ID]",
		Short: "Show the record of one incident, or write its files",
		Long: "Incident prints the timeline of an incident. With --out it writes the whole folder, made from the journal: the timeline, the\n" +
			"charts, the draft of the postmortem and the journal itself. With --journal it needs no daemon: it makes them from a journal.jsonl.\n\n" +
			"ID is that of the incident, of its watch or of its event, or the number of its postmortem.",
		Example: "  rollbackctl incident incident-20261122T100653Z --env production --namespace shop\n" +
			"  rollbackctl incident DEC-INCIDENT-0007 --env production --out ./incident-7\n" +
			"  rollbackctl incident --journal journal.jsonl --out ./again",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd.Context(), args) },
	}
	r.register(cmd)
	cmd.Flags().StringVar(&r.namespace, "namespace", "", "namespace of the workload (default all, where the ID does not name it)")
	cmd.Flags().StringVar(&r.out, "out", "", "folder to write the files into; it is made if need be")
	cmd.Flags().StringVar(&r.journal, "journal", "", "file with a journal, - for standard input; nothing is asked of a daemon")
	return cmd
}

func (r *record) run(ctx context.Context, args []string) error {
	entries, err := r.entries(ctx, args)
	if err != nil {
		return err
	}
	files := incident.Files(entries)
	if r.out != "" {
		return r.write(files)
	}
	name := "timeline.md"
	if r.output == outputJSON {
		name = "incident.json"
	}
	for _, f := range files {
		if f.Name == name {
			return r.print(f.Body)
		}
	}
	return fmt.Errorf("the record has no %s", name)
}

func (r *record) entries(ctx context.Context, args []string) ([]incident.Entry, error) {
	switch {
	case (r.journal == "") == (len(args) == 0):
		return nil, errors.New("give the ID of an incident, or --journal with a file")
	case r.journal != "":
		return r.fromFile()
	}
	if err := r.complete(); err != nil {
		return nil, err
	}
	d, err := r.locate(ctx, args[0], r.namespace)
	if err != nil {
		return nil, err
	}
	target := event.Target{Environment: d.Environment, Namespace: d.Namespace, Workload: d.Workload}
	var entries []incident.Entry
	err = r.pages(ctx, control.Journal, target, control.Request{Watch: d.Watch}, func(line []byte) error {
		e, err := decodeLine[incident.Entry](line)
		entries = append(entries, e)
		return err
	})
	return entries, err
}

// locate finds the newest watch that an ID names: in the ledger, or among the watches that go on.
func (p *person) locate(ctx context.Context, id, namespace string) (incident.Digest, error) {
	environment, of, isKey := event.OfKey(id)
	if isKey {
		p.environment, namespace = environment, of
	}
	found, err := p.digests(ctx, namespace, control.Reading{Find: id, All: true})
	switch {
	case err != nil:
		return incident.Digest{}, err
	case len(found) > 0:
		return found[0], nil
	case namespace == "":
		return incident.Digest{}, refusal{fmt.Errorf("no incident or deployment in %s has the ID %s; a watch that goes on is found with --namespace", p.environment, event.Quote(id))}
	}
	v, err := p.find(ctx, id, namespace)
	if _, no := errors.AsType[refusal](err); no && isKey { // forgotten by all but its journal
		return incident.Digest{Watch: id, Environment: p.environment, Namespace: namespace, Workload: control.AllWorkloads}, nil
	}
	return incident.Digest{Watch: v.ID, Environment: v.Environment, Namespace: v.Namespace, Workload: v.Workload}, err
}

// fromFile reads a journal. A last line that was cut off is left out: the ones before it are a true record.
func (r *record) fromFile() ([]incident.Entry, error) {
	in := r.around.in
	if r.journal != "-" {
		file, err := os.Open(r.journal)
		if err != nil {
			return nil, fmt.Errorf("unable to read the journal: %w", err)
		}
		defer file.Close()
		in = file
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxJournalLine)
	var entries []incident.Entry
	var cut error
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if cut != nil {
			return nil, cut
		}
		e, err := decodeLine[incident.Entry](lines.Bytes())
		if err != nil {
			cut = fmt.Errorf("%s, line %d is no entry of a journal: %w", r.journal, n, err)
			continue
		}
		entries = append(entries, e)
	}
	switch {
	case lines.Err() != nil:
		return nil, fmt.Errorf("unable to read the journal: %w", lines.Err())
	case len(entries) == 0 && cut != nil:
		return nil, cut
	case len(entries) == 0:
		return nil, fmt.Errorf("%s holds no entry", r.journal)
	case cut != nil:
		fmt.Fprintln(r.around.err, "rollbackctl: the last line is cut off and is left out:", plain(cut.Error()))
	}
	return entries, nil
}

// write puts the files into the folder. Their names are the program's own, whatever the journal holds.
func (r *record) write(files []incident.File) error {
	for _, f := range files {
		path := filepath.Join(r.out, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("unable to write: %w", err)
		}
		if err := os.WriteFile(path, f.Body, 0o644); err != nil {
			return fmt.Errorf("unable to write: %w", err)
		}
		if r.output == outputText {
			fmt.Fprintln(r.around.out, path)
		}
	}
	if r.output == outputJSON {
		names := make([]string, len(files))
		for i, f := range files {
			names[i] = f.Name
		}
		return writeJSON(r.around.out, map[string]any{"out": r.out, "files": names})
	}
	return nil
}

// print writes text to what may be a terminal.
func (r *record) print(body []byte) error {
	for line := range bytes.Lines(body) {
		if _, err := io.WriteString(r.around.out, plain(strings.TrimSuffix(string(line), "\n"))+"\n"); err != nil {
			return err
		}
	}
	return nil
}
