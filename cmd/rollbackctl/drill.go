package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-logr/zapr"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"k8s.io/client-go/dynamic"
	"k8s.io/klog/v2"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/drill"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// rehearsal deploys a version that is bad on purpose, and sees to it that it does not stay.
type rehearsal struct {
	person
	change
	kubeconfig, kubeContext, kind string
	targets                       drill.Targets
	restoreAfter                  time.Duration
	yes, restore                  bool
}

func newDrill(around surroundings) *cobra.Command {
	r := &rehearsal{person: person{around: around}}
	cmd := &cobra.Command{
		Use:   "drill NAMESPACE/NAME",
		Short: "Rehearse a rollback with a version that is bad on purpose",
		Long: "Drill gives a workload of a staging environment a bad pod template, with your own kubeconfig, and announces it as a drill. rollbackd must\n" +
			"find it and take it back. Drill measures how long each step takes, and exits with 1 if a target was missed.\n\n" +
			"It first asks rollbackd whether it would roll the version back, shows the change and asks you. If rollbackd has not rolled it back within\n" +
			"--restore-after, on Ctrl-C and on errors, drill puts the good template back itself. If drill itself is killed, rollbackd still does its\n" +
			"part; drill --restore ends a drill that was left live.",
		Example: "  rollbackctl drill shop/checkout --env staging --container app --set-env FAIL=1\n" +
			"  rollbackctl drill shop/checkout --env staging --template bad.yaml --detect-within 2m --yes -o json\n" +
			"  rollbackctl drill shop/checkout --env staging --restore",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd.Context(), args[0]) },
	}
	r.person.register(cmd)
	flags := cmd.Flags()
	r.change.register(flags)
	flags.StringVar(&r.kubeconfig, "kubeconfig", "", "kubeconfig file (default as kubectl has it)")
	flags.StringVar(&r.kubeContext, "context", "", "context of the kubeconfig (default its current one)")
	flags.StringVar(&r.kind, "kind", "", "Deployment, StatefulSet or DaemonSet (default Deployment)")
	flags.DurationVar(&r.targets.Detect, "detect-within", 5*time.Minute, "target: how soon the version must be found to be bad")
	flags.DurationVar(&r.targets.Recover, "recover-within", 10*time.Minute, "target: how soon the service must be seen to be well again")
	flags.DurationVar(&r.restoreAfter, "restore-after", 0, "when to put the good template back if rollbackd has not (default the target for recovery)")
	flags.BoolVar(&r.yes, "yes", false, "do not ask")
	flags.BoolVar(&r.restore, "restore", false, "only end a drill whose version was left live")
	for _, name := range []string{"template", "image", "set-env"} {
		cmd.MarkFlagsMutuallyExclusive("restore", name)
	}
	return cmd
}

// rehearsed is a drill that is about to be carried out, or is.
type rehearsed struct {
	rollback.Drill
	target  event.Target
	cluster *rollback.Cluster
	// policy is the name of the one that judges; ahead is by how much the daemon's clock is ahead of the one here.
	policy string
	ahead  time.Duration
	// applied is when the bad template was put in, by the daemon's clock.
	applied time.Time
}

func (r *rehearsal) run(ctx context.Context, workload string) error {
	target, kind, err := r.check(workload)
	if err != nil {
		return err
	}
	d := rehearsed{target: target}
	d.Workload = rollback.Workload{Kind: rollback.KindNamed(string(kind)), Namespace: target.Namespace, Name: target.Workload}
	if d.cluster, err = r.connect(); err != nil {
		return err
	}
	if r.restore {
		return r.endLeft(ctx, d)
	}
	patch, err := r.patch()
	if err != nil {
		return err
	}
	if err := r.mayBegin(ctx, &d, kind); err != nil {
		return err
	}
	if err := r.prepare(ctx, &d, patch); err != nil {
		return err
	}
	if err := r.agreed(&d); err != nil {
		return err
	}
	return r.rehearse(ctx, d, kind)
}

func (r *rehearsal) check(workload string) (event.Target, event.Kind, error) {
	if err := r.complete(); err != nil {
		return event.Target{}, "", err
	}
	target, err := r.target(workload)
	if err != nil {
		return event.Target{}, "", err
	}
	if watch.IsProduction(target.Environment) {
		return target, "", refusal{fmt.Errorf("a drill makes a workload bad on purpose, and %s is where the users are; rehearse in another environment", target.Environment)}
	}
	if r.restoreAfter == 0 {
		r.restoreAfter = r.targets.Recover
	}
	if r.targets.Detect <= 0 || r.targets.Recover < r.targets.Detect || r.restoreAfter <= 0 {
		return target, "", errors.New("--detect-within, --recover-within and --restore-after must be more than nothing, and recovery comes after detection")
	}
	kind, err := kindOf(r.kind)
	return target, kind, err
}

func (r *rehearsal) connect() (*rollback.Cluster, error) {
	rc, err := config.Kubernetes{Kubeconfig: r.kubeconfig, Context: r.kubeContext}.Client()
	if err != nil {
		return nil, err
	}
	rc.UserAgent = "rollbackctl"
	klog.SetLogger(zapr.NewLogger(zap.NewNop())) // what its client logs is told by errors too
	client, err := dynamic.NewForConfig(rc)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	return rollback.NewCluster(client, rollback.Options{}), nil
}

// mayBegin asks the daemon, which refuses where it would not roll the version back.
func (r *rehearsal) mayBegin(ctx context.Context, d *rehearsed, kind event.Kind) error {
	asked := time.Now()
	reply, err := r.ask(ctx, control.MayDrill, d.target, control.Request{Kind: kind})
	if err == nil && !reply.OK {
		for _, note := range reply.Notes {
			fmt.Fprintln(r.talk(), "*", plain(note))
		}
		err = refused(reply)
	}
	if err != nil {
		return err
	}
	if reply.Drill == nil {
		return errors.New("the daemon does not say what a drill goes by; is it of another version?")
	}
	d.UID, d.policy, d.VersionLabels = reply.Drill.UID, reply.Drill.Policy, reply.Drill.VersionLabels
	d.ahead = reply.Drill.Now.Sub(asked.Add(time.Since(asked) / 2))
	fmt.Fprintln(r.talk(), "rollbackd:", plain(reply.Message))
	return nil
}

// prepare finds out what the change comes to. The kubeconfig may be one of another cluster than the daemon's: then the workload that it
// shows is another one, which must not be touched.
func (r *rehearsal) prepare(ctx context.Context, d *rehearsed, patch []byte) error {
	id := "drill-" + time.Now().UTC().Format("20060102T150405Z") + "-" + strings.ToLower(requestID()[:6])
	prepared, err := d.cluster.PrepareDrill(ctx, d.Workload, id, patch)
	prepared.VersionLabels = d.VersionLabels
	switch {
	case errors.Is(err, rollback.ErrDrillLive):
		return refusal{fmt.Errorf("%w, which was left live; end it with --restore", err)}
	case err != nil:
		return err
	case prepared.UID != d.UID:
		return refusal{fmt.Errorf("the %s that your kubeconfig shows is not the one that rollbackd watches (UID %s, not %s): is it of another cluster? Give --kubeconfig or --context",
			d.Workload.Kind, prepared.UID, plain(d.UID))}
	case prepared.Version() == "":
		return refusal{errors.New("the bad template has neither an image tag nor a label that rollbackd takes for its version, so that it cannot be announced; give it one of them")}
	}
	d.Drill = prepared
	return nil
}

// agreed shows what is about to be done and asks the person.
func (r *rehearsal) agreed(d *rehearsed) error {
	diff, err := d.Diff()
	if err != nil {
		return err
	}
	out := r.talk()
	fmt.Fprintf(out, "\n%s\nThis is deployed in %s, on purpose. If rollbackd has not taken it back after %s, it is taken back from here.\n",
		diff, plain(d.target.Environment), r.restoreAfter)
	return r.confirm(fmt.Sprintf("Begin the drill of %s?", d.Workload))
}

// confirm asks a question that only "yes" agrees to.
func (r *rehearsal) confirm(question string) error {
	if r.yes {
		return nil
	}
	fmt.Fprint(r.around.err, question, " Type yes: ")
	answer := ""
	if r.around.in != nil {
		answer, _ = bufio.NewReader(r.around.in).ReadString('\n')
	}
	if strings.TrimSpace(answer) != "yes" {
		return refusal{errors.New("nothing was changed, because nobody agreed; --yes agrees beforehand")}
	}
	return nil
}

// talk is where a person is told what happens; a program's output has only the result.
func (r *rehearsal) talk() io.Writer {
	if r.output == outputJSON {
		return r.around.err
	}
	return r.around.out
}
