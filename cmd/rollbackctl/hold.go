package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/control"
)

// hold stops automatic action on a workload.
type hold struct {
	person
	reason  string
	length  time.Duration
	release bool
}

func newHold(around surroundings) *cobra.Command {
	h := &hold{person: person{around: around}}
	cmd := &cobra.Command{
		Use:   "hold NAMESPACE/NAME",
		Short: "Stop automatic rollbacks of a workload for some time",
		Long: "Hold keeps rollbackd from rolling a workload back by itself. It goes on watching, and a release that is proven bad waits for\n" +
			"approval. The hold outlives the daemon; a new one takes the place of the one before.",
		Example: "  rollbackctl hold shop/checkout --env production --for 2h --reason 'load test'\n" +
			"  rollbackctl hold shop/checkout --env production --release",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return h.run(cmd.Context(), args[0]) },
	}
	h.register(cmd)
	flags := cmd.Flags()
	flags.DurationVar(&h.length, "for", 0, "how long, at most 720h")
	flags.BoolVar(&h.release, "release", false, "let go of the workload")
	flags.StringVar(&h.reason, "reason", "", "why, for the record")
	cmd.MarkFlagsOneRequired("for", "release")
	cmd.MarkFlagsMutuallyExclusive("for", "release")
	return cmd
}

func (h *hold) run(ctx context.Context, workload string) error {
	if err := h.complete(); err != nil {
		return err
	}
	target, err := h.target(workload)
	if err != nil {
		return err
	}
	reply, err := h.ask(ctx, control.Hold, target, control.Request{For: h.length.String(), Reason: h.reason})
	if err != nil {
		return err
	}
	return h.tell(reply)
}
