package rollback

import (
	"fmt"
	"slices"
	"strings"
)

// GitOps is what becomes of a rollback that another owner of the object would undo.
type GitOps string

// What a policy may say of other owners.
const (
	// GitOpsRefuse refuses it, with advice. It is the default.
	GitOpsRefuse GitOps = "refuse"
	// GitOpsHold keeps the owner from undoing it until the next deployment.
	GitOpsHold GitOps = "hold"
	// GitOpsIgnore rolls back as if nobody else wrote the object.
	GitOpsIgnore GitOps = "ignore"
)

// Minding is what Mind goes by.
type Minding struct {
	// Mode is the policy's; empty is GitOpsRefuse.
	Mode GitOps
	// Commit is what the event calls the release's commit.
	Commit string
	// Keepers are what was read of the owners' own objects.
	Keepers map[Owner]Keeper
}

// Owners returns who else writes what the plan patches.
func (p Plan) owners(s Snapshot) []Owner {
	if p.Switch != nil && s.Switch != nil {
		return s.Switch.Traces.Owners()
	}
	return s.Traces.Owners()
}

// Kept returns those of the owners of what the plan patches that keep an object of their own, which Mind needs to know.
func (p Plan) Kept(s Snapshot) []Owner {
	return slices.DeleteFunc(p.owners(s), func(o Owner) bool { _, kept := o.keeper(); return !kept })
}

// Mind has a plan mind who else writes what it patches: it names them, adds how they are held and what must follow for
// the rollback to last, or refuses.
func (p Plan) Mind(s Snapshot, m Minding) (Plan, *Refusal) {
	advise := adviser{plan: p, commit: m.Commit}
	p.Owners = nil
	var undoing []Owner
	for _, found := range p.owners(s) {
		o := m.known(found)
		p.Owners = append(p.Owners, o)
		switch {
		case m.Mode != GitOpsIgnore && o.mayRevert():
			undoing = append(undoing, o)
			if m.Mode != GitOpsHold {
				continue
			}
			hold, why := m.hold(p, s, found, o)
			if why != "" {
				return Plan{}, ownerRefusal(p.Owners, advise.cannotHold(o, m.Keepers[found]), "%s, and it cannot be held%s", undoes(p, o), why)
			}
			p.Holds = append(p.Holds, hold)
		default:
			p.Advice = append(p.Advice, advise.lasting(o)...)
		}
	}
	if len(undoing) > 0 && m.Mode != GitOpsHold {
		var advice []Step
		for _, o := range undoing {
			advice = append(advice, advise.instead(o)...)
		}
		return Plan{}, ownerRefusal(p.Owners, advice, "%s", undoes(p, undoing[0]))
	}
	if len(p.Holds) > 0 {
		p.Advice = append(advise.held(), p.Advice...)
	}
	p.Summary += p.ownersInWords()
	return p, nil
}

// known completes an owner by what was read of its own object.
func (m Minding) known(o Owner) Owner {
	k, read := m.Keepers[o]
	_, kept := o.keeper()
	switch {
	case !read || !kept:
	case k.Unread != "":
		o.Why = k.Unread
	default:
		o.Reverts, o.Why = k.Reverts, k.Why
	}
	return o
}

// hold returns how an owner is held, or the end of a sentence that says that it cannot be.
func (m Minding) hold(p Plan, s Snapshot, found, o Owner) (Hold, string) {
	if o.Kind == OwnerFluxKustomization {
		traces := s.Traces
		if p.Switch != nil {
			traces = s.Switch.Traces
		}
		h := Hold{Owner: o, Annotation: fluxReconcile, Value: "disabled"}
		if traces.Annotations[HoldAnnotation] == "" {
			h.WasAnnotation = traces.Annotations[fluxReconcile]
		}
		return h, ""
	}
	kind, kept := o.keeper()
	keeper, read := m.Keepers[found]
	switch {
	case !kept:
		return Hold{}, ": there is no way to have it leave one object alone"
	case !read || keeper.Unread != "":
		return Hold{}, " for that reason"
	case keeper.ManagedBy != "":
		return Hold{}, ": " + keeper.ManagedBy + " would end the hold at once"
	}
	return Hold{Owner: o, Field: kind.field, UID: keeper.UID, To: kind.to, Was: keeper.Was}, ""
}

// undoes says why a rollback would not last.
func undoes(p Plan, o Owner) string {
	verb := "would put back what a rollback changes"
	if o.Reverts == RevertsUnknown {
		verb = "may put back what a rollback changes"
	}
	text := fmt.Sprintf("%s writes %s too and %s", o, p.patched(), verb)
	if o.Why != "" {
		text += " (" + o.Why + ")"
	}
	return text
}

// cannotHold is what to do where an owner cannot be held.
func (a adviser) cannotHold(o Owner, k Keeper) []Step {
	if strings.HasPrefix(k.ManagedBy, "ApplicationSet ") {
		return append([]Step{{Do: "Have the " + k.ManagedBy + " leave automated sync to its Applications (ignoreApplicationDifferences), if they are to be held from now on"}}, a.instead(o)...)
	}
	return a.instead(o)
}

func ownerRefusal(owners []Owner, advice []Step, format string, args ...any) *Refusal {
	r := refusal(RefuseGitOpsOwner, format, args...)
	r.Owners, r.Advice = owners, advice
	return r
}

// ownersInWords ends a plan's summary.
func (p Plan) ownersInWords() string {
	if len(p.Owners) == 0 {
		return ""
	}
	var named []string
	for _, o := range p.Owners {
		named = append(named, o.String())
	}
	text := "; also written by " + strings.Join(named, ", ")
	for _, h := range p.Holds {
		text += "; held by " + h.String()
	}
	return text
}

// CannotHold refuses a plan whose hold turned out to be impossible.
func (p Plan) CannotHold(h Hold, commit, why string) *Refusal {
	advise := adviser{plan: p, commit: commit}
	return ownerRefusal(p.Owners, advise.instead(h.Owner), "%s, and it cannot be held: %s", undoes(p, h.Owner), why)
}
