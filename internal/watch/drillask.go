package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// mayDrill tells whether a bad version of a workload would be rolled back if it were deployed now, and so whether a drill may begin. It
// changes nothing. A drill that would be refused, or would wait for a person, must not begin: its version would stay live.
func (s *Supervisor) mayDrill(ctx context.Context, in control.Asked) control.Reply {
	e := orderEvent(in, "", now())
	e.Drill = true
	if r := s.rules().Drills.admit(e); r != nil {
		return control.Refuse(control.CodeState, "%s; %s", r.Reason, r.Fix)
	}
	policy, _ := ChoosePolicy(s.rules().Policies, e)
	if policy == nil {
		return control.Refuse(control.CodeNoPolicy, "no policy covers %s/%s, so nothing would be rolled back", in.Target.Namespace, in.Target.Workload)
	}
	w := Watch{Key: e.Key(), Event: e, Policy: *policy, AcceptedAt: now()}
	if r := s.againstDrill(w); r != nil {
		return control.Reply{Code: control.Code(r.Code), Message: r.Reason}
	}
	snapshot, err := s.opts.Cluster.Read(ctx, w.workload(), nil)
	if errors.Is(err, rollback.ErrNotFound) {
		return unknownTo(in, w.workload())
	}
	if err != nil {
		return control.Refuse(control.CodeBusy, "%v", err)
	}
	if id := snapshot.Drill(); id != "" {
		return control.Refuse(control.CodeState, "%s runs the version of %s already, which was left live; end it with rollbackctl drill %s --env %s --restore",
			w.workload(), event.Quote(id), w.workload(), in.Target.Environment)
	}
	plan, refusal, err := s.foreseen(ctx, w, snapshot)
	switch {
	case err != nil:
		return control.Refuse(control.CodeBusy, "%v", err)
	case refusal != nil:
		return control.Reply{Code: control.Code(refusal.Code), Message: refusal.Reason, Notes: inWords(refusal.Advice)}
	}
	return control.Reply{
		OK: true, Notes: plan.Notes,
		Message: fmt.Sprintf("a bad version of %s would be rolled back by policy %q without a person for %s after it is deployed", w.workload(), policy.Name, policy.automaticFor()),
		Drill:   &control.Drill{UID: snapshot.UID, Policy: policy.Name, Now: now(), VersionLabels: snapshot.VersionLabels},
	}
}

// againstDrill returns what speaks against a drill that does not depend on what is live.
func (s *Supervisor) againstDrill(w Watch) *rollback.Refusal {
	refuse := func(code rollback.RefusalCode, format string, args ...any) *rollback.Refusal {
		return &rollback.Refusal{Code: code, Reason: fmt.Sprintf(format, args...)}
	}
	if w.Policy.automaticFor() == 0 {
		return refuse(rollback.RefuseStage, "policy %q rolls nothing back without a person when a release is new (mode: %s), so that the bad version would stay live",
			w.Policy.Name, w.Policy.Stages[0].Mode)
	}
	for _, a := range s.open() {
		if o := a.view.Load(); !o.State.Final() && o.sameWorkload(w) {
			return refuse(rollback.RefuseUnsettled, "%s is being watched (%s); wait until that ends, or end it with rollbackctl abort %s", o.name(), o.State, o.Key)
		}
	}
	at := now()
	if period, ok := frozen(s.rules().Freezes, w.Event.Target(), at); ok {
		return refuse(rollback.RefuseFreeze, "nothing is to be deployed during the freeze %q, which lasts until %s", period.Name, clockTime(period.Until))
	}
	for _, r := range []*rollback.Refusal{s.onHold(w.Event.Target(), at), s.room(w, at)} {
		if r != nil {
			return r
		}
	}
	return nil
}

// foreseen plans the rollback of a release that would take the place of what is live now.
func (s *Supervisor) foreseen(ctx context.Context, w Watch, snapshot rollback.Snapshot) (rollback.Plan, *rollback.Refusal, error) {
	refuse := func(code rollback.RefusalCode, format string, args ...any) (rollback.Plan, *rollback.Refusal, error) {
		return rollback.Plan{}, &rollback.Refusal{Code: code, Reason: fmt.Sprintf(format, args...)}, nil
	}
	if message, done, err := rollback.RolloutStatus(snapshot); err != nil || !done {
		return refuse(rollback.RefuseUnsettled, "a rollout of %s is going on: %s", w.workload(), either(message, err))
	}
	after, ok := rollback.Foresee(snapshot, now())
	if !ok {
		return refuse(rollback.RefuseUnsettled, "it cannot be told what %s runs now", w.workload())
	}
	// Without a baseline nothing can be proven, and a version that was just put back has not served for long enough to be known good.
	if since := snapshot.SettledAt(); since.IsZero() || now().Sub(since) < w.Policy.MinServing {
		return refuse(rollback.RefuseUnsettled, "the pods of %s have not run for %s yet, so that there is little to compare a release with; wait for that",
			w.workload(), w.Policy.MinServing)
	}
	pin := rollback.NewPin(after, *after.Live, now(), s.pastOf(w, after), w.Policy.MinServing)
	if pin.Target != nil && !rollback.ContainersEqual(pin.Target.Template, snapshot.Template) { // an earlier restart of it will do
		return refuse(rollback.RefuseNoTarget, "a rollback would not bring back what is live now, but %s", pin.Target.Version)
	}
	after, err := s.opts.Cluster.Inspect(ctx, pin, after)
	if err != nil {
		return rollback.Plan{}, nil, err
	}
	plan, refusal := rollback.MakePlan(pin, after, false)
	if refusal != nil {
		return plan, refusal, nil
	}
	w.Policy.GitOps = rollback.GitOpsRefuse // whoever would revert the rollback would revert the drill's version too
	return s.mindOwners(ctx, w, plan, snapshot)
}

func either(message string, err error) string {
	if err != nil {
		return err.Error()
	}
	return message
}

// automaticFor is for how long after a deployment the policy rolls back without a person; zero if it does not from the beginning.
func (p Policy) automaticFor() (until time.Duration) {
	i := slices.IndexFunc(p.Stages, func(s Stage) bool { return s.Mode != Automatic })
	switch i {
	case -1:
		return p.End()
	case 0:
		return 0
	}
	return p.Stages[i-1].Until
}
