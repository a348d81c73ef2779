package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// byHand rolls a workload back because a person says so.
type byHand struct {
	person
	kind             string
	revision, reason string
	dryRun, wait     bool
}

func newRollback(around surroundings) *cobra.Command {
	r := &byHand{person: person{around: around}}
	cmd := &cobra.Command{
		Use:   "rollback NAMESPACE/NAME",
		Short: "Roll a workload back, whatever its signals say",
		Long: "Rollback returns a workload to its known-good version, or to a revision of your choice. The daemon plans it, carries it out,\n" +
			"checks whether it helped and records it as any other rollback, under your name.\n\n" +
			"With --dry-run nothing is changed: it shows the plan as a diff, what the API server says to it, and whether rollbackd would do it\n" +
			"by itself.",
		Example: "  rollbackctl rollback shop/checkout --env production --dry-run\n" +
			"  rollbackctl rollback shop/checkout --env production --to-revision 7 --reason 'checkout is empty for guests'",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd.Context(), args[0]) },
	}
	r.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&r.kind, "kind", "", "Deployment, StatefulSet or DaemonSet (default that of the open watch, or else Deployment)")
	flags.StringVar(&r.revision, "to-revision", "", "revision to go back to, as kubectl rollout history numbers them (default the known-good one)")
	flags.BoolVar(&r.dryRun, "dry-run", false, "only show what it would do")
	flags.BoolVar(&r.wait, "wait", false, "tell what becomes of it, until it is known whether it helped")
	flags.StringVar(&r.reason, "reason", "", "why, for the record")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "wait")
	return cmd
}

func (r *byHand) run(ctx context.Context, workload string) error {
	if err := r.complete(); err != nil {
		return err
	}
	target, err := r.target(workload)
	if err != nil {
		return err
	}
	kind, err := kindOf(r.kind)
	if err != nil {
		return err
	}
	reply, err := r.ask(ctx, control.Rollback, target, control.Request{
		ID: requestID(), Kind: kind, Revision: r.revision, DryRun: r.dryRun, Reason: r.reason,
	})
	switch {
	case err != nil:
		return err
	case r.dryRun:
		return r.show(reply)
	}
	if err := r.tell(reply); err != nil || !r.wait {
		return err
	}
	return r.followTo(ctx, target, reply.Watch, watch.RolledBack)
}

// show writes a dry run: the plan in a sentence, the change, and what speaks against it.
func (r *byHand) show(reply control.Reply) error {
	if r.output == outputJSON {
		if err := writeJSON(r.around.out, reply); err != nil {
			return err
		}
		return refused(reply)
	}
	if reply.Diff == "" {
		r.notes(reply)
		return refused(reply)
	}
	fmt.Fprintf(r.around.out, "It would %s.\n\n", plain(reply.Message))
	for line := range strings.Lines(reply.Diff) {
		fmt.Fprintln(r.around.out, plain(strings.TrimSuffix(line, "\n")))
	}
	fmt.Fprintln(r.around.out)
	r.notes(reply)
	if !reply.OK {
		return refusal{fmt.Errorf("nothing was changed, and it could not be: %s", plain(reply.Notes[0]))}
	}
	fmt.Fprintln(r.around.out, "\nNothing was changed.")
	return nil
}

// notes writes what is said beside a plan or a refusal, such as what a person can do instead.
func (r *byHand) notes(reply control.Reply) {
	for _, note := range reply.Notes {
		fmt.Fprintln(r.around.out, "*", plain(note))
	}
}

// kindOf reads a kind of workload in whatever case it is written.
func kindOf(text string) (event.Kind, error) {
	if text == "" {
		return "", nil
	}
	for _, kind := range []event.Kind{event.KindDeployment, event.KindStatefulSet, event.KindDaemonSet} {
		if strings.EqualFold(text, string(kind)) {
			return kind, nil
		}
	}
	return "", fmt.Errorf("--kind %s is none that can be rolled back; use Deployment, StatefulSet or DaemonSet", event.Quote(text))
}
