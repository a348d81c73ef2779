package watch

import (
	"context"
	"errors"
	"slices"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/rollback"
)

// preview shows what a rollback would change, and changes nothing.
func (s *Supervisor) preview(ctx context.Context, in control.Asked, open *actor) control.Reply {
	w := Watch{Event: orderEvent(in, "", now()), AcceptedAt: now()}
	if open != nil {
		w = *open.view.Load()
		if objection := w.objection(in, now()); objection.Code != "" {
			return objection // a rollback would be answered so
		}
	}
	snapshot, err := s.opts.read(ctx, w)
	if errors.Is(err, rollback.ErrNotFound) {
		return unknownTo(in, w.workload())
	}
	if err == nil && open == nil {
		w.Event, snapshot, err = s.asSwitched(ctx, w.Event, snapshot)
	}
	if err != nil {
		return control.Refuse(control.CodeBusy, "%v", err)
	}
	plan, refusal, err := s.hypothetical(ctx, w, snapshot, in.Revision)
	if err == nil && refusal == nil {
		plan, refusal, err = s.mindOwners(ctx, s.underPolicy(w), plan, snapshot)
	}
	switch {
	case err != nil:
		return control.Refuse(control.CodeBusy, "%v", err)
	case refusal != nil:
		return control.Reply{Code: control.Code(refusal.Code), Message: refusal.Reason, Notes: inWords(refusal.Advice)}
	}
	if with, _, err := w.withMigration(plan); err == nil {
		plan = with
	}
	reply := control.Reply{OK: true, Message: plan.Summary, Watch: w.Key, Notes: slices.Clone(plan.Notes)}
	if reply.Diff, err = plan.Diff(s.opts.Mask); err != nil {
		return control.Refuse(control.CodeBusy, "%v", err)
	}
	switch objection, err := s.opts.Preview.Preview(ctx, plan); {
	case err != nil:
		reply.Notes = append(reply.Notes, "the API server could not be asked what it thinks of it: "+err.Error())
	case objection != "":
		reply.OK, reply.Notes = false, append(reply.Notes, "the API server would refuse it: "+objection)
	default:
		reply.Notes = append(reply.Notes, "the API server would accept it (tried with a dry run)")
	}
	hide := s.opts.Mask.WithSecretsOf(plan.FromTemplate, plan.ToTemplate) // of which an admission webhook may say a part
	for i, note := range reply.Notes {
		reply.Notes[i] = hide.Text(note)
	}
	reply.Notes = append(append(reply.Notes, inWords(plan.Advice)...), s.ownMind(w)...)
	return reply
}

// hypothetical plans the rollback that a person would get by asking for it now.
func (s *Supervisor) hypothetical(ctx context.Context, w Watch, snapshot rollback.Snapshot, revision string) (rollback.Plan, *rollback.Refusal, error) {
	if w.Pin == nil {
		pin, refusal := s.pinNow(w, snapshot)
		if refusal != nil {
			return rollback.Plan{}, refusal, nil
		}
		w.Pin = &pin
	}
	pin, refusal := targeted(*w.Pin, snapshot, revision)
	if refusal != nil {
		return rollback.Plan{}, refusal, nil
	}
	var named *rollback.Pin
	if revision != "" {
		named = &pin
	}
	if refusal := s.unfit(pin, named, w, snapshot); refusal != nil {
		return rollback.Plan{}, refusal, nil
	}
	snapshot, err := s.opts.Cluster.Inspect(ctx, pin, snapshot)
	if err != nil {
		return rollback.Plan{}, nil, err
	}
	plan, refusal := rollback.MakePlan(pin, snapshot, w.failsMostly())
	in := s.underPolicy(w).scaledUpFirst(planned{plan: plan, refusal: refusal}, pin, snapshot)
	if in.scale != nil {
		told := *in.refusal
		told.Advice = append(slices.Clip(told.Advice), rollback.Step{Do: "asked to roll back, rollbackd would first " + in.scale.Summary + "; the switch follows once they are ready"})
		in.refusal = &told
	}
	return in.plan, in.refusal, nil
}

// pinNow pins what is live as the watch of an order would.
func (s *Supervisor) pinNow(w Watch, snapshot rollback.Snapshot) (rollback.Pin, *rollback.Refusal) {
	policy, _ := ChoosePolicy(s.rules().Policies, w.Event)
	if policy == nil {
		return rollback.Pin{}, &rollback.Refusal{Code: rollback.RefuseObserve, Reason: "no policy covers " + w.workload().String()}
	}
	release, t0, ok, why := rollback.Settle(snapshot, snapshot.Version())
	if !ok {
		return rollback.Pin{}, &rollback.Refusal{Code: rollback.RefuseUnsettled, Reason: why}
	}
	return rollback.NewPin(snapshot, release, t0, s.pastOf(w, snapshot), policy.MinServing), nil
}

// targeted is the pin with the revision that a person named, if one did.
func targeted(pin rollback.Pin, snapshot rollback.Snapshot, revision string) (rollback.Pin, *rollback.Refusal) {
	if revision == "" {
		return pin, nil
	}
	return rollback.RetargetTo(pin, snapshot, revision)
}

// ownMind says what keeps rollbackd from making this rollback by itself.
func (s *Supervisor) ownMind(w Watch) []string {
	if w.Pin == nil || w.State.Final() {
		return []string{"it is not being watched, so that only a person would roll it back"}
	}
	var notes []string
	if !w.breaching(now()) {
		notes = append(notes, "rollbackd itself sees no reason to: "+w.presentReason())
	}
	if r := w.forbidden(); r != nil {
		notes = append(notes, "rollbackd itself would not do it: "+r.Reason)
	}
	for _, r := range []*rollback.Refusal{s.onHold(w.Event.Target(), now()), s.inFreeze(w, now()), s.room(w, now())} {
		if r != nil {
			notes = append(notes, "rollbackd itself would not do it: "+r.Reason)
		}
	}
	return notes
}
