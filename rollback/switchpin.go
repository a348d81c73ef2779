package rollback

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// PinnedSwitch is the part of a Pin that is about a switch.
type PinnedSwitch struct {
	Switch
	ServiceUID string `json:"serviceUID"`
	// OldWorkload is the old colour's Deployment; empty if there was none, or more than one.
	OldWorkload    Workload `json:"oldWorkload,omitzero"`
	OldWorkloadUID string   `json:"oldWorkloadUID,omitempty"`
}

// pinSwitch fixes the Service and the old colour of a switch.
func pinSwitch(state SwitchState) *PinnedSwitch {
	p := &PinnedSwitch{Switch: state.Switch, ServiceUID: state.ServiceUID}
	if len(state.Old) == 1 {
		p.OldWorkload, p.OldWorkloadUID = state.Old[0].Workload, state.Old[0].UID
	}
	return p
}

// oldColour returns the live version of the old colour, if it is known to be good: it passed a watch, it was the pinned
// target of one, or it had been there for minServing. Nothing in the cluster tells how long it had the traffic.
func (c *chooser) oldColour() (*Revision, string) {
	old := c.onlyOld()
	if old == nil {
		return nil, ""
	}
	if old.Live == nil {
		c.object("%s has no ReplicaSet for its template", old.Workload)
		return nil, ""
	}
	target := *old.Live
	if slices.ContainsFunc(c.past, func(w PastWatch) bool { return w.condemns(target) }) {
		c.object("%s of %s was proven bad", target.name(), old.Workload)
		return nil, ""
	}
	grounds := c.recordOf(target)
	if grounds == "" {
		grounds = c.presence(*old, target)
	}
	if grounds == "" {
		return nil, ""
	}
	return &target, fmt.Sprintf("%s of %s was live before the switch, and %s", target.name(), old.Workload, grounds)
}

// onlyOld returns the old colour's Deployment. Of several none can be called the old version.
func (c *chooser) onlyOld() *Snapshot {
	state := c.snapshot.Switch
	selected := fmt.Sprintf("%s with %s=%s", c.snapshot.serviceName(), state.Switch.SelectorKey, state.Switch.From)
	switch len(state.Old) {
	case 0:
		c.object("no other workload is selected by %s", selected)
		return nil
	case 1:
		return &state.Old[0]
	}
	names := make([]string, 0, len(state.Old))
	for _, old := range state.Old {
		names = append(names, old.Workload.String())
	}
	c.object("more than one workload is selected by %s: %s", selected, strings.Join(names, ", "))
	return nil
}

// condemns reports whether the watch proved bad what this revision runs. The colours differ in their labels, so that a
// bad version which came back under the other colour is known by its containers.
func (w PastWatch) condemns(r Revision) bool {
	return w.Bad && (w.of(r) || ContainersEqual(w.Template, r.Template))
}

// recordOf returns what earlier watches say in favour of a revision that none of them proved bad.
func (c *chooser) recordOf(r Revision) string {
	for _, w := range c.past {
		if w.Passed && w.of(r) {
			return "passed the active stage of its watch, which began at " + stamp(w.T0)
		}
		if w.Target != nil && sameRelease(w.Target.Template, r.Template) {
			return "was the known-good target of the watch that began at " + stamp(w.T0)
		}
	}
	return ""
}

// presence returns since when the old colour had its version, if that is long enough.
func (c *chooser) presence(old Snapshot, r Revision) string {
	in := chooser{snapshot: old, past: c.past}
	since, known := in.servingSince(r)
	if !known {
		c.object("%s of %s was put back before the switch, and it is not known when", r.name(), old.Workload)
		return ""
	}
	there := c.t0.Sub(since)
	if there < c.minServing {
		c.object("%s of %s had been there for only %s before the switch (%s are asked for)",
			r.name(), old.Workload, max(there, 0).Round(time.Second), c.minServing)
		return ""
	}
	return fmt.Sprintf("had been there since %s, for %s; no watch of it ended badly", stamp(since), there.Round(time.Second))
}
