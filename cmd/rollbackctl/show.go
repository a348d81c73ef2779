package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// show tells how one watch stands, once or until it ends.
type show struct {
	person
	namespace string
	follow    bool
}

func newShow(around surroundings) *cobra.Command {
	return newShowing(&show{person: person{around: around}}, "show ID", "Show one watch",
		"Show tells how the watch of a deployment stands: what is judged, what a rollback would return to, and the newest verdict.")
}

func newFollow(around surroundings) *cobra.Command {
	return newShowing(&show{person: person{around: around}, follow: true}, "follow ID", "Tell of a watch until it ends",
		"Follow tells of each state that a watch comes to. It ends with the watch, and exits with 1 if the release was bad or could not be judged.")
}

func newShowing(s *show, use, short, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short,
		Long: long + "\n\nID is that of the watch or, with --env and --namespace, of the incident or the event.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd.Context(), args[0]) },
	}
	s.register(cmd)
	cmd.Flags().StringVar(&s.namespace, "namespace", "", "namespace of the workload, where the ID does not name it")
	return cmd
}

func (s *show) run(ctx context.Context, id string) error {
	if err := s.complete(); err != nil {
		return err
	}
	v, err := s.find(ctx, id, s.namespace)
	switch {
	case err != nil:
		return err
	case s.follow:
		target := event.Target{Environment: v.Environment, Namespace: v.Namespace, Workload: v.Workload}
		return s.followTo(ctx, target, v.ID, watch.Healthy, watch.Superseded)
	case s.output == outputJSON:
		return writeJSON(s.around.out, v)
	}
	return showWatch(s.around.out, v)
}

func showWatch(out io.Writer, v watch.View) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, plain(value))
		}
	}
	line("Watch", v.ID)
	line("Event", v.EventID)
	line("Workload", v.Namespace+"/"+v.Workload+" in "+v.Environment)
	line("Kind", v.Kind)
	line("Version", v.Version)
	line("Policy", v.Policy)
	line("State", fmt.Sprintf("%s since %s", v.State, v.Since.UTC().Format(time.RFC3339)))
	line("Reason", v.Reason)
	if !v.T0.IsZero() {
		line("Deployed", v.T0.UTC().Format(time.RFC3339))
	}
	line("Goes back to", v.Target)
	line("No way back", v.NoTarget)
	line("Incident", v.Incident)
	line("Verdict", string(v.Verdict))
	if !v.LastTick.IsZero() {
		line("Measured", v.LastTick.UTC().Format(time.RFC3339))
	}
	return w.Flush()
}
