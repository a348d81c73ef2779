package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/notifier"
)

// notices lists what people were not told, or not yet.
type notices struct {
	person
	format    choice
	namespace string
}

func newNotices(around surroundings) *cobra.Command {
	n := &notices{person: person{around: around}, format: choice{value: "table", of: []string{"table", "json", "ndjson"}}}
	cmd := &cobra.Command{
		Use:   "notices",
		Short: "List what is still to be told, and what never was",
		Long: "Notices lists what waits to be told to each sink: what is queued, what the sink has not taken and is tried again, and the dead letters of the\n" +
			"last 30 days, which were given up: all of them, the oldest first, however many there are. Notices about rollbackd itself are shown to those who may ask for all namespaces.",
		Example: "  rollbackctl notices --env production",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return n.run(cmd.Context()) },
	}
	n.identify(cmd)
	cmd.Flags().VarP(&n.format, "output", "o", "table, json or ndjson")
	cmd.Flags().StringVar(&n.namespace, "namespace", "", "only this namespace (default all)")
	cmd.AddCommand(newNoticesRetry(around))
	return cmd
}

func (n *notices) run(ctx context.Context) error {
	if err := n.complete(); err != nil {
		return err
	}
	target, err := n.scope(n.namespace)
	if err != nil {
		return err
	}
	found := []notifier.Standing{}
	err = n.pages(ctx, control.Notices, target, control.Request{}, func(line []byte) error {
		s, err := decodeLine[notifier.Standing](line)
		found = append(found, s)
		return err
	})
	if err != nil {
		return whole(err, target, "give --namespace")
	}
	slices.SortStableFunc(found, func(a, b notifier.Standing) int { // pages come in no order that means anything
		return cmp.Or(cmp.Compare(dead(a), dead(b)), a.At.Compare(b.At), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Sink, b.Sink))
	})
	switch n.format.value {
	case "json":
		return writeJSON(n.around.out, found)
	case "ndjson":
		for _, s := range found {
			if err := writeJSON(n.around.out, s); err != nil {
				return err
			}
		}
		return nil
	}
	return n.table(found)
}

// dead puts what was given up last.
func dead(s notifier.Standing) int {
	if s.State == notifier.Dead {
		return 1
	}
	return 0
}

func (n *notices) table(found []notifier.Standing) error {
	if len(found) == 0 {
		_, err := fmt.Fprintln(n.around.out, "everything has been told")
		return err
	}
	w := tabwriter.NewWriter(n.around.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STATE\tSINK\tTRIES\tSINCE\tSEVERITY\tTITLE\tERROR\tID")
	for _, s := range found {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", plain(string(s.State)), plain(s.Sink), s.Attempts, s.At.UTC().Format(time.DateTime),
			plain(string(s.Severity)), plain(s.Title), plain(orDash(s.Error)), plain(s.ID))
	}
	return w.Flush()
}

// noticesRetry has dead letters tried once more.
type noticesRetry struct {
	person
	namespace string
	all       bool
}

func newNoticesRetry(around surroundings) *cobra.Command {
	r := &noticesRetry{person: person{around: around}}
	cmd := &cobra.Command{
		Use:     "retry [ID]",
		Short:   "Have a dead letter tried once more, or all of them",
		Long:    "Retry has the sinks that were not told of a notice told of it now, as of a new one. Give the ID that rollbackctl notices shows, or --all.",
		Example: "  rollbackctl notices retry --all --env production --namespace shop",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return r.run(cmd.Context(), args) },
	}
	r.register(cmd)
	cmd.Flags().StringVar(&r.namespace, "namespace", "", "only what is about this namespace (default all)")
	cmd.Flags().BoolVar(&r.all, "all", false, "all dead letters")
	return cmd
}

func (r *noticesRetry) run(ctx context.Context, args []string) error {
	if r.all == (len(args) > 0) {
		return errors.New("which of them? give the ID of one, as rollbackctl notices shows it, or --all")
	}
	if err := r.complete(); err != nil {
		return err
	}
	target, err := r.scope(r.namespace)
	if err != nil {
		return err
	}
	reading := control.Reading{All: r.all}
	if len(args) > 0 {
		reading.Find = args[0]
	}
	reply, err := r.ask(ctx, control.RetryNotices, target, control.Request{ID: requestID(), Reading: reading})
	if err != nil {
		return err
	}
	return r.tell(reply)
}
