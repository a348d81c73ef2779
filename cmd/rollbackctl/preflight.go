package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
)

// preflight asks what speaks against a deployment before it is made.
type preflight struct {
	person
	control.Deploying
	kind   string
	strict bool
}

func newPreflight(around surroundings) *cobra.Command {
	p := &preflight{person: person{around: around}}
	cmd := &cobra.Command{
		Use:   "preflight NAMESPACE/NAME",
		Short: "Ask what speaks against deploying a workload now",
		Long: "Preflight asks rollbackd, before a deployment, what speaks against it and what rollbackd would do with the release: the policy, whether the\n" +
			"last rollout is complete, freezes, holds, open watches, rollbacks of late, the version to go back to, and metrics. It changes nothing.\n\n" +
			"It exits with 0 when nothing stops the deployment, 1 when something does (with --strict also when something warns), and 2 when no answer\n" +
			"came. A pipeline may go on then: rollbackd never blocks a deployment by being away.",
		Example: "  rollbackctl preflight shop/checkout --env production --as ana\n" +
			"  rollbackctl preflight shop/checkout --env production --policy http --strict -o json",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.run(cmd.Context(), args[0]) },
	}
	p.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&p.Policy, "policy", "", "policy that the event will name (default the first that covers the workload)")
	flags.StringVar(&p.kind, "kind", "", "Deployment, StatefulSet or DaemonSet (default that of the newest watch of the workload, and Deployment without one)")
	flags.BoolVar(&p.Hotfix, "hotfix", false, "the event will say hotfix, which is exempt from freezes")
	flags.BoolVar(&p.strict, "strict", false, "take a warning for a no")
	return cmd
}

func (p *preflight) run(ctx context.Context, workload string) error {
	if err := p.complete(); err != nil {
		return err
	}
	target, err := p.target(workload)
	if err != nil {
		return err
	}
	kind, err := kindOf(p.kind)
	if err != nil {
		return err
	}
	found, err := p.look(ctx, target, control.Request{Kind: kind, Deploying: p.Deploying})
	if err != nil { // not wrapped: who refuses to look has not said no
		return fmt.Errorf("it is not known whether anything speaks against deploying %s, and a pipeline may go on, "+
			"since rollbackd never blocks a deployment by being away: %v", workload, err)
	}
	stops, warns := found.Count(control.ResultStop), found.Count(control.ResultWarn)
	found.OK = found.OK && !(p.strict && warns > 0)
	if err := p.show(found); err != nil {
		return err
	}
	switch {
	case found.OK:
		return nil
	case stops > 0:
		return refusal{fmt.Errorf("%d of %d checks stop the deployment of %s", stops, len(found.Checks), workload)}
	}
	return refusal{fmt.Errorf("%d of %d checks warn, which --strict takes for a no", warns, len(found.Checks))}
}

// look asks the daemon. One that refuses to look has not said anything about the deployment.
func (p *preflight) look(ctx context.Context, target event.Target, request control.Request) (control.Preflight, error) {
	reply, err := p.ask(ctx, control.MayDeploy, target, request)
	switch {
	case err != nil:
		return control.Preflight{}, err
	case reply.Preflight != nil && len(reply.Preflight.Checks) > 0:
		return *reply.Preflight, nil
	case !reply.OK:
		return control.Preflight{}, refused(reply)
	}
	return control.Preflight{}, errors.New("the daemon does not say what it found; is it of another version?")
}

func (p *preflight) show(found control.Preflight) error {
	if p.output == outputJSON {
		return writeJSON(p.around.out, found)
	}
	w := tabwriter.NewWriter(p.around.out, 0, 0, 2, ' ', 0)
	for _, c := range found.Checks {
		text := plain(c.Message)
		if c.Fix != "" {
			text += ". Fix: " + plain(c.Fix)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", plain(string(c.Result)), plain(c.Check), text)
	}
	return w.Flush()
}
