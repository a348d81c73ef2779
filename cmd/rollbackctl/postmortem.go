package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
)

func newPostmortem(around surroundings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "postmortem",
		Short: "List the postmortems of incidents, and say that one is done",
		Long: "Postmortem is about the postmortems that incidents call for. Each has a number, DEC-INCIDENT-0001 and so on, and a date by which it is\n" +
			"due; people are reminded of it until somebody says that it is done.",
	}
	cmd.AddCommand(newPostmortemList(around), newPostmortemDone(around))
	return cmd
}

// reviews lists the reviews.
type reviews struct {
	person
	format    choice
	namespace string
	open      bool
}

func newPostmortemList(around surroundings) *cobra.Command {
	l := &reviews{person: person{around: around}, format: choice{value: "table", of: []string{"table", "json", "ndjson"}}}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the postmortems of incidents, the newest first",
		Long:    "List shows the postmortems of the last two years, by when they are due, and where those that are done can be read.",
		Example: "  rollbackctl postmortem list --env production --open",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return l.run(cmd.Context()) },
	}
	l.identify(cmd)
	flags := cmd.Flags()
	flags.VarP(&l.format, "output", "o", "table, json or ndjson")
	flags.StringVar(&l.namespace, "namespace", "", "only this namespace")
	flags.BoolVar(&l.open, "open", false, "only postmortems that are not done")
	return cmd
}

func (l *reviews) run(ctx context.Context) error {
	if err := l.complete(); err != nil {
		return err
	}
	all, err := l.digests(ctx, l.namespace, control.Reading{})
	if err != nil {
		return err
	}
	found := []incident.Digest{}
	for _, d := range all {
		if d.Postmortem != nil && (!l.open || d.Postmortem.DoneAt.IsZero()) {
			found = append(found, d)
		}
	}
	if l.format.value != "table" {
		return writeDigests(l.around.out, l.format.value, found)
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(l.around.out, "no postmortem")
		return err
	}
	w := tabwriter.NewWriter(l.around.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REVIEW\tSTATUS\tDUE\tWORKLOAD\tVERSION\tINCIDENT\tLINK")
	for _, d := range found {
		r := d.Postmortem
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name(), reviewStatus(*r, time.Now()), r.Due.UTC().Format(time.DateTime),
			plain(d.Namespace+"/"+d.Workload), plain(d.Version), plain(d.Incident), plain(orDash(r.Link)))
	}
	return w.Flush()
}

func reviewStatus(r incident.Review, now time.Time) string {
	switch {
	case !r.DoneAt.IsZero():
		return "done by " + plain(r.By)
	case now.After(r.Due):
		return "overdue"
	}
	return "open"
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// reviewDone says that a review is done.
type reviewDone struct {
	person
	namespace, link string
}

func newPostmortemDone(around surroundings) *cobra.Command {
	d := &reviewDone{person: person{around: around}}
	cmd := &cobra.Command{
		Use:   "done ID",
		Short: "Say that the postmortem of an incident is done",
		Long: "Done records that the postmortem of an incident is done, by whom, and where it can be read; people are no longer reminded of it. Said again, it\n" +
			"changes the link.\n\nID is the number of the postmortem, or the ID of the incident, of its watch or of its event.",
		Example: "  rollbackctl postmortem done DEC-INCIDENT-0007 --env production --namespace shop --link https://wiki.example.com/incidents/7",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return d.run(cmd.Context(), args[0]) },
	}
	d.register(cmd)
	cmd.Flags().StringVar(&d.namespace, "namespace", "", "namespace of the workload (default all, where the ID does not name it)")
	cmd.Flags().StringVar(&d.link, "link", "", "where the postmortem can be read; required")
	return cmd
}

func (d *reviewDone) run(ctx context.Context, id string) error {
	if d.link == "" {
		return errors.New("where can it be read? give --link")
	}
	if err := control.CheckLink(d.link); err != nil {
		return err
	}
	if err := d.complete(); err != nil {
		return err
	}
	found, err := d.locate(ctx, id, d.namespace)
	if err != nil {
		return err
	}
	target := event.Target{Environment: found.Environment, Namespace: found.Namespace, Workload: found.Workload}
	reply, err := d.ask(ctx, control.Postmortem, target, control.Request{ID: requestID(), Watch: found.Watch, Link: d.link})
	if err != nil {
		return err
	}
	return d.tell(reply)
}
