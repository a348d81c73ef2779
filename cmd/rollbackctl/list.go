package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// list shows the watches of a workload or a namespace.
type list struct {
	person
	all bool
}

func newList(around surroundings) *cobra.Command {
	l := &list{person: person{around: around}}
	cmd := &cobra.Command{
		Use:     "list [NAMESPACE[/NAME]]",
		Short:   "Show the watches of an environment, a namespace or a workload",
		Long:    "List shows which deployments are being watched and how they stand, the newest first. With --all it shows those that have ended, too.",
		Example: "  rollbackctl list --env production\n  rollbackctl list shop --env production",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return l.run(cmd.Context(), strings.Join(args, "")) },
	}
	l.register(cmd)
	cmd.Flags().BoolVar(&l.all, "all", false, "show watches that have ended, too")
	return cmd
}

func (l *list) run(ctx context.Context, whose string) error {
	if err := l.complete(); err != nil {
		return err
	}
	target, err := l.whose(whose)
	if err != nil {
		return err
	}
	views, notes, err := l.watches(ctx, target, "")
	if err != nil {
		return whole(err, target, "name one, as in rollbackctl list shop")
	}
	shown := []watch.View{}
	for _, v := range views {
		if l.all || !v.Final {
			shown = append(shown, v)
		}
	}
	if l.output == outputJSON {
		for _, note := range notes { // beside what a program reads
			fmt.Fprintln(l.around.err, "rollbackctl:", plain(note))
		}
		return writeJSON(l.around.out, shown)
	}
	return l.table(shown, notes)
}

// whose is the workload, the namespace or the environment that is asked about.
func (l *list) whose(argument string) (event.Target, error) {
	if strings.Contains(argument, "/") {
		return l.target(argument)
	}
	target, err := l.scope(argument)
	if err != nil {
		return target, fmt.Errorf("%w; what may follow list is NAMESPACE or NAMESPACE/NAME", err)
	}
	return target, nil
}

func (l *list) table(views []watch.View, notes []string) error {
	if len(views) == 0 {
		fmt.Fprintln(l.around.out, "nothing is being watched there")
	}
	w := tabwriter.NewWriter(l.around.out, 0, 0, 2, ' ', 0)
	if len(views) > 0 {
		fmt.Fprintln(w, "WORKLOAD\tVERSION\tSTATE\tSINCE\tREASON\tID")
	}
	for _, v := range views {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", plain(v.Namespace+"/"+v.Workload), plain(v.Version), v.State,
			v.Since.UTC().Format(time.DateTime), plain(v.Reason), plain(v.ID))
	}
	for _, note := range notes {
		fmt.Fprintln(w, plain(note))
	}
	return w.Flush()
}
