package rollback

import (
	"fmt"
	"strings"
)

// PinTo pins what is live now, with the revision that a person names as what a rollback is to return to. It is for a
// workload that is not being watched; RetargetTo is for one that is.
//
// Revision is the number that kubectl rollout history shows. Whether it is known to be good, and whether a release since
// then changed a database schema, is for the person to know.
func PinTo(s Snapshot, revision string) (Pin, *Refusal) {
	if s.Live == nil {
		return Pin{}, refusal(RefuseUnsettled, "%s has not acted on the newest change of %s yet", s.Workload.Kind.controller(), s.Workload)
	}
	pin := Pin{WorkloadUID: s.UID, T0: s.Live.FirstPodAt, Release: *s.Live, Replicas: s.Replicas}
	return RetargetTo(pin, s, revision)
}

// RetargetTo returns the pin with the revision that a person names as what a rollback is to return to. What was judged
// stays what it is, so that a plan made from the pin is refused if something else is live by then.
func RetargetTo(pin Pin, s Snapshot, revision string) (Pin, *Refusal) {
	if s.UID != pin.WorkloadUID || s.Deleting {
		return Pin{}, refusal(RefuseWorkloadGone, "%s was deleted after this deployment was pinned", s.Workload)
	}
	if pin.Switch != nil {
		return Pin{}, refusal(RefuseNoRevision, "%s is switched by %s: its way back is the other colour, and not a revision",
			s.Workload, serviceName(s.Workload.Namespace, pin.Switch.Switch))
	}
	target := s.numbered(revision)
	if target == nil {
		return Pin{}, refusal(RefuseNoRevision, "%s has no revision %q; %s", s.Workload, shorten(revision), s.numbers())
	}
	if TemplatesEqual(target.Template, s.Template) {
		return Pin{}, refusal(RefuseTargetIsLive, "%s already runs %s", s.Workload, target.name())
	}
	if !target.PodsNamed() {
		return Pin{}, refusal(RefuseNoRevision, "the pods of %s cannot be told from others' by their names, so that it could not be "+
			"checked whether the rollback helped; use kubectl rollout undo", target.name())
	}
	found := *target
	if pin.Canary != nil {
		pin.Canary = pin.Canary.undoneTo(found)
		return pin, nil
	}
	pin.Target, pin.NoTarget = &found, ""
	pin.Why = fmt.Sprintf("%s was named by a person", found.name())
	return pin, nil
}

// numbered finds the revision with that number; nil if there is none.
func (s Snapshot) numbered(revision string) *Revision {
	for i := range s.Revisions {
		if revision != "" && s.Revisions[i].Number == revision {
			return &s.Revisions[i]
		}
	}
	return nil
}

// numbers lists the revisions there are, so that a person can choose another.
func (s Snapshot) numbers() string {
	var names []string
	for _, r := range s.Revisions {
		if r.Number != "" {
			names = append(names, r.name())
		}
	}
	if len(names) == 0 {
		return "it has no revisions"
	}
	return "it has " + strings.Join(names, ", ")
}

// shorten keeps what a person typed to a length that can be shown.
func shorten(text string) string { return shortenTo(text, 40) }

func shortenTo(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
