package rollback

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// NewPin fixes what is watched and what a rollback would return to. The target is chosen once, when a deployment has
// settled, so that nothing that happens later can make rollbackd return to something else.
//
// The first of these that holds is the target:
//
//  1. The version before was superseded before it could pass, was proven bad, or was a drill: the target that was pinned for it.
//  2. The newest earlier template that passed its active stage.
//  3. The version that was live right before, if it had served for minServing and no watch of it ended badly.
//
// For a switch there is one rule: the version that the old colour runs, if it is known to be good. For a canary it is what
// the stable workload runs, which has most of the users and is not on trial.
//
// Never chosen are a template that was proven bad, one whose ReplicaSet is gone, and one with a schema change between
// it and the release. Past are the earlier watches of the same workload, the newest first.
func NewPin(s Snapshot, rev Revision, t0 time.Time, past []PastWatch, minServing time.Duration) Pin {
	p := Pin{WorkloadUID: s.UID, T0: t0, Release: rev, Replicas: s.Replicas, RolledBackAt: rolledBackAt(rev, past)}
	c := chooser{snapshot: s, release: rev, t0: t0, past: past, minServing: minServing}
	rules := []func() (*Revision, string){c.inherited, c.passed, c.served}
	if s.Switch != nil {
		p.Switch, rules = pinSwitch(*s.Switch), []func() (*Revision, string){c.oldColour}
	}
	for _, rule := range rules {
		if p.Target, p.Why = rule(); p.Target != nil {
			break
		}
	}
	if p.Target == nil {
		p.NoTarget = strings.Join(c.objections, "; ")
	}
	if s.Canary != nil {
		return pinCanary(p, *s.Canary)
	}
	return p
}

// chooser holds what the rules look at, and why they turned candidates down.
type chooser struct {
	snapshot   Snapshot
	release    Revision
	t0         time.Time
	past       []PastWatch
	minServing time.Duration
	objections []string
}

// inherited returns the target of the predecessor: the newest earlier watch, if its release is what was live right
// before and it did not pass, or if its target was (it had been rolled back).
func (c *chooser) inherited() (*Revision, string) {
	before := c.before()
	pred := c.predecessor()
	if before == nil || pred == nil || pred.Target == nil || pred.Passed && !pred.Bad {
		return nil, ""
	}
	wasLive := pred.of(*before)
	wasRolledBack := pred.Bad && sameRelease(pred.Target.Template, before.Template)
	putBack := pred.Drill && sameRelease(pred.Target.Template, before.Template) // a drill ends so, whoever ended it
	cutShort := pred.Superseded || pred.Ended.IsZero() || !pred.Ended.Before(c.t0)
	if !wasRolledBack && !putBack && (!wasLive || !pred.Bad && !cutShort) {
		return nil, ""
	}
	target := c.admit(*pred.Target)
	if target == nil {
		return nil, ""
	}
	what := "which was superseded before it could pass"
	switch {
	case pred.Drill:
		what = "which was a drill"
	case pred.Bad:
		what = "which was proven bad"
	}
	return target, fmt.Sprintf("%s was the known-good target of %s, %s (%s)",
		target.name(), pred.name(c.snapshot), what, pred.Why)
}

// passed returns the newest earlier template that passed its active stage.
func (c *chooser) passed() (*Revision, string) {
	for _, w := range c.past {
		if !w.Passed || w.of(c.release) {
			continue
		}
		rev := c.revisionOf(w)
		if rev == nil {
			c.object("the version that passed its watch from %s on has no %s any more", stamp(w.T0), c.snapshot.Workload.Kind.revisionKind())
			return nil, ""
		}
		if c.provenBad(*rev) {
			c.object("%s passed a watch, but was proven bad by another one", rev.name())
			continue
		}
		if rev = c.admit(*rev); rev == nil {
			return nil, ""
		}
		return rev, fmt.Sprintf("%s passed the active stage of its watch, which began at %s", rev.name(), stamp(w.T0))
	}
	return nil, ""
}

// served returns the version that was live right before, if it had been so for long enough.
func (c *chooser) served() (*Revision, string) {
	before := c.before()
	if before == nil {
		c.object("there is no earlier version of %s", c.snapshot.Workload)
		return nil, ""
	}
	if c.drilled(*before) {
		c.object("%s was deployed as a drill", before.name())
		return nil, ""
	}
	since, known := c.servingSince(*before)
	if !known {
		c.object("%s was put back before this deployment, and it is not known when", before.name())
		return nil, ""
	}
	if served := c.t0.Sub(since); served < c.minServing {
		c.object("%s had served for only %s before this deployment (%s are asked for)",
			before.name(), max(served, 0).Round(time.Second), c.minServing)
		return nil, ""
	}
	target := c.admit(*before)
	if target == nil {
		return nil, ""
	}
	return target, fmt.Sprintf("%s had served since %s, for %s, and no watch of it ended badly",
		target.name(), stamp(since), c.t0.Sub(since).Round(time.Second))
}

// admit returns the candidate as it is in the cluster now, or nil after an objection that holds for every rule.
func (c *chooser) admit(candidate Revision) *Revision {
	rev := c.snapshot.revision(candidate.UID)
	switch {
	case rev == nil || !TemplatesEqual(rev.Template, candidate.Template):
		c.object("%s %s of %s is gone", c.snapshot.Workload.Kind.revisionKind(), candidate.ReplicaSet, candidate.name())
	case sameRelease(rev.Template, c.release.Template):
		c.object("%s is the same as this release", rev.name())
	case !rev.PodsNamed():
		c.object("the pods of %s cannot be told from others' by their names", rev.name())
	case c.provenBad(*rev):
		c.object("%s was proven bad", rev.name())
	case c.schemaChangedSince(*rev):
		c.object("a release after %s changed a database schema", rev.name())
	default:
		found := *rev
		return &found
	}
	return nil
}

// object records why a candidate was turned down. Two rules may turn the same one down for the same reason.
func (c *chooser) object(format string, args ...any) {
	objection := fmt.Sprintf(format, args...)
	if !slices.Contains(c.objections, objection) {
		c.objections = append(c.objections, objection)
	}
}

// before returns the version that was live right before the release; a mere restart of the release is no other version.
func (c *chooser) before() *Revision {
	for i := range c.snapshot.Revisions {
		r := &c.snapshot.Revisions[i]
		if r.number() < c.release.number() && !sameRelease(r.Template, c.release.Template) {
			return r
		}
	}
	return nil
}

// predecessor returns the newest earlier watch of another release.
func (c *chooser) predecessor() *PastWatch {
	for i := range c.past {
		if !c.past[i].of(c.release) {
			return &c.past[i]
		}
	}
	return nil
}

func (c *chooser) provenBad(r Revision) bool {
	return slices.ContainsFunc(c.past, func(w PastWatch) bool { return w.Bad && !w.Drill && w.of(r) })
}

// drilled reports whether the revision is known from drills only, which are bad on purpose.
func (c *chooser) drilled(r Revision) bool {
	known := slices.DeleteFunc(slices.Clone(c.past), func(w PastWatch) bool { return !w.of(r) })
	return len(known) > 0 && !slices.ContainsFunc(known, func(w PastWatch) bool { return !w.Drill })
}

// schemaChangedSince reports whether a release after the candidate, up to this one, changed a schema. Revision numbers
// tell the order; of a release whose ReplicaSet is gone only its start is known.
func (c *chooser) schemaChangedSince(candidate Revision) bool {
	return slices.ContainsFunc(c.past, func(w PastWatch) bool {
		if !w.SchemaChange || w.of(candidate) {
			return false
		}
		if rev := c.revisionOf(w); rev != nil {
			return rev.number() > candidate.number()
		}
		return w.T0.After(candidate.CreatedAt)
	})
}

// revisionOf finds the ReplicaSet of a past watch; the newest, if restarts have made several.
func (c *chooser) revisionOf(w PastWatch) *Revision {
	for i := range c.snapshot.Revisions {
		if r := &c.snapshot.Revisions[i]; w.of(*r) {
			return r
		}
	}
	return nil
}

// of reports whether the watch was of this revision's release.
func (w PastWatch) of(r Revision) bool {
	return w.Hash != "" && w.Hash == r.Hash || sameRelease(w.Template, r.Template)
}

// name is how people are told of the release of a past watch.
func (w PastWatch) name(s Snapshot) string {
	for _, r := range s.Revisions {
		if w.of(r) {
			return r.name()
		}
	}
	return "the release of " + stamp(w.T0)
}
