package watch

import (
	"context"
	"errors"
	"slices"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what is done about others who write the workload too, before a rollback.

// Owners reads and holds the tools that would undo a rollback.
type Owners interface {
	Keeper(ctx context.Context, p rollback.Plan, o rollback.Owner) (rollback.Keeper, error)
	PlaceHold(ctx context.Context, h rollback.Hold, intentID string) (rollback.Held, error)
	LetGo(ctx context.Context, p rollback.Plan, h rollback.Hold, intentID string) (string, error)
}

// mindOwners has a plan mind who else writes what it patches.
func (s *Supervisor) mindOwners(ctx context.Context, w Watch, plan rollback.Plan, snapshot rollback.Snapshot) (rollback.Plan, *rollback.Refusal, error) {
	m := rollback.Minding{Mode: w.Policy.GitOps, Commit: w.Event.Commit, Keepers: map[rollback.Owner]rollback.Keeper{}}
	if m.Mode != rollback.GitOpsIgnore {
		for _, o := range plan.Kept(snapshot) {
			k, err := s.opts.Owners.Keeper(ctx, plan, o)
			if err != nil {
				return rollback.Plan{}, nil, err
			}
			m.Keepers[o] = k
		}
	}
	plan, refusal := plan.Mind(snapshot, m)
	return plan, refusal, nil
}

// underPolicy is a watch with the policy that it would be begun under, if it is none yet.
func (s *Supervisor) underPolicy(w Watch) Watch {
	if policy, _ := ChoosePolicy(s.rules().Policies, w.Event); w.Policy.Name == "" && policy != nil {
		w.Policy = *policy
	}
	return w
}

// inWords writes steps down for a person, one to a line.
func inWords(steps []rollback.Step) []string {
	var lines []string
	for _, step := range steps {
		lines = append(lines, step.String())
	}
	return lines
}

// holdsDue reports whether owners must be held before the intent may be carried out. Only an entry of the journal says
// that they are, so that a restarted process holds them again, which changes nothing where they are held.
func (w Watch) holdsDue() bool { return w.OwnerHold == incident.HoldPlacing }

// placeHolds holds the owners that must be held beforehand.
func (a *actor) placeHolds(ctx context.Context) (input, error) {
	var in ownersHeld
	for _, h := range a.watch.intent.Plan.Holds {
		if !h.Beforehand() {
			continue
		}
		got, err := a.opts.Owners.PlaceHold(ctx, h, a.watch.intent.ID)
		if err != nil {
			return nil, err
		}
		if got.Refused != "" {
			return ownersHeld{refusal: a.watch.intent.Plan.CannotHold(h, a.watch.Event.Commit, got.Refused)}, nil
		}
		in.detail = got.Detail
	}
	return in, nil
}

// placing journals, with the intent, that owners are about to be held.
func (s *step) placing(p rollback.Plan) {
	for _, h := range p.Holds {
		if h.Beforehand() {
			s.addHold(incident.HoldPlacing, h.String())
			return
		}
	}
}

// ownersHeld journals that owners are held, or drops the intent because they cannot be.
func (s *step) ownersHeld(in ownersHeld) {
	switch {
	case s.watch.State != RollingBack || !s.watch.holdsDue():
	case in.refusal != nil:
		s.withdrawn(withdrawn{refusal: in.refusal})
	default:
		s.addHold(incident.HoldPlaced, in.detail)
	}
}

func (s *step) addHold(phase incident.HoldPhase, detail string) {
	s.add(incident.Entry{Kind: incident.KindOwnerHold, OwnerHold: &incident.OwnerHold{Intent: s.watch.intent.ID, Phase: phase, Detail: detail}})
}

// applyHold folds what the journal says of holds. Those that come with the rollback's own patch are placed when it lands.
func (w Watch) applyHold(e incident.Entry) Watch {
	switch {
	case e.OwnerHold != nil:
		w.OwnerHold = e.OwnerHold.Phase
	case e.Outcome != nil && e.Outcome.Result == rollback.Landed && w.intent != nil && len(w.intent.Plan.Holds) > 0:
		w.OwnerHold = incident.HoldPlaced
	}
	return w
}

// holdOpen reports whether owners are, or may be, held.
func (w Watch) holdOpen() bool {
	return w.OwnerHold != "" && w.OwnerHold != incident.HoldReleased
}

// nextDeployment reports whether a newer event says that another version is deployed. A tool that is held cannot bring
// that version, so its announcement must be enough to let the tool go; one that has only begun may not be in git yet.
func (s *Supervisor) nextDeployment(w Watch) bool {
	newer := s.matching(func(o *Watch) bool {
		return o.sameWorkload(w) && o.Key != w.Key && o.AcceptedAt.After(w.AcceptedAt) && o.Unwatched == "" && o.Order == nil
	})
	return slices.ContainsFunc(newer, w.replacedByEvent)
}

var errNoIntent = errors.New("the journal was lost, and with it what is to be undone")

// letGo undoes the holds of the intent.
func (a *actor) letGo(ctx context.Context) (string, error) {
	detail := ""
	for _, h := range a.watch.intent.Plan.Holds {
		said, err := a.opts.Owners.LetGo(ctx, a.watch.intent.Plan, h, a.watch.intent.ID)
		if err != nil {
			return "", err
		}
		if detail != "" {
			detail += "; "
		}
		detail += said
	}
	return detail, nil
}
