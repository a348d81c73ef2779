package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
)

// controlPatience is how long an answer is waited for at least: the daemon may read the cluster for it.
const controlPatience = 12 * time.Second

// decide is a command by which a person decides on a watch: approve, deny or abort.
type decide struct {
	person
	verb              control.Verb
	namespace, reason string
}

func newApprove(around surroundings) *cobra.Command {
	return newDecide(around, control.Approve, "Let a rollback happen that waits for approval",
		"Approve lets the rollback of a watch happen that waits for a person. It is planned anew from what is live, and it is refused\n"+
			"if the newest measurement does not show the breach any more.")
}

func newDeny(around surroundings) *cobra.Command {
	return newDecide(around, control.Deny, "Refuse a rollback that waits for approval",
		"Deny ends a watch that waits for a person: the release stays live, and is on record as bad.")
}

func newAbort(around surroundings) *cobra.Command {
	return newDecide(around, control.Abort, "End a watch without any action",
		"Abort ends a watch: nothing more is measured or done about the deployment. A rollback that has begun is not aborted.")
}

func newDecide(around surroundings, verb control.Verb, short, long string) *cobra.Command {
	d := &decide{person: person{around: around}, verb: verb}
	cmd := &cobra.Command{
		Use:     string(verb) + " ID",
		Short:   short,
		Long:    long + "\n\nID is that of the watch or, with --env and --namespace, of the incident or the event.",
		Example: "  rollbackctl " + string(verb) + " production.shop.3f0c… --reason 'seen it on the dashboard'",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return d.run(cmd.Context(), args[0]) },
	}
	d.register(cmd)
	cmd.Flags().StringVar(&d.namespace, "namespace", "", "namespace of the workload, where the ID does not name it")
	cmd.Flags().StringVar(&d.reason, "reason", "", "why, for the record")
	return cmd
}

func (d *decide) run(ctx context.Context, id string) error {
	if err := d.complete(); err != nil {
		return err
	}
	w, err := d.find(ctx, id, d.namespace)
	if err != nil {
		return err
	}
	target := event.Target{Environment: w.Environment, Namespace: w.Namespace, Workload: w.Workload}
	reply, err := d.ask(ctx, d.verb, target, control.Request{Watch: w.ID, Reason: d.reason})
	if err != nil {
		return err
	}
	return d.tell(reply)
}
