package backtest

import (
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
)

// This file finds the release of a canary that is a Deployment of its own. The event is about the stable workload, which goes on
// serving beside it and is what it is compared with.

// beside guesses or reads from the event the workload that is measured with the one it is about: the other colour of a blue-green
// pair, or the canary of a stable workload. It is empty where there is none.
func beside(e event.Event) string {
	if e.Strategy == event.StrategyCanary {
		return e.Canary
	}
	return otherColour(e)
}

// identifyCanary finds a canary among what was seen of it and of the stable workload; false if nothing was seen of it by its own
// name. Then it may be told as any other release is.
func identifyCanary(e event.Event, seen []sightings, settleFor time.Duration) (release, bool) {
	c := census(onlyCanary(e, seen), e.Canary)
	r := release{canary: true, t0: e.Timestamp}
	r.members = analyzer.Members{Workload: e.Canary, Alias: e.Workload, Versions: e.VersionLabels("")}
	r.control = analyzer.Members{Workload: e.Workload, NotVersions: r.members.Versions}
	reach := e.Timestamp.Add(settleFor)
	named := c.named(r.members.Versions)
	switch newest, ok := lastBy(c.replicaSets, reach); {
	case ok: // the pods of its ReplicaSets before it are an earlier canary's
		r.members.PodPrefix = newest.name
		r.from(newest.first)
	case named != nil && !named.first.After(reach):
		r.members.Pods = c.podsOf(r.members.Versions)
		r.versioned = len(r.members.Pods) > 0
		r.from(named.first)
	case len(c.pods) > 0 && !c.pods[0].first.After(reach):
		r.since = c.pods[0].first
		r.members.Pods = c.podsSince(r.since)
		r.from(r.since)
	default:
		first, ok := c.earliest(e.Canary)
		if !ok || first.After(reach) {
			return release{}, false
		}
		r.from(first)
	}
	r.stableFrom(c)
	return r, true
}

// from sets the start of a release that began in reach of its event; one that ran before counts from the event on, as a canary does
// that is made a larger part of the service.
func (r *release) from(first time.Time) {
	if !first.Before(r.t0.Add(-lead)) {
		r.t0, r.fresh = first, true
	}
}

// takenAway reports whether a canary that served is only said to be silent: it is on trial no longer, which ends a watch. Its end need not
// be announced.
func (r *replay) takenAway(d *decision) bool {
	if !r.release.canary || r.measured == nil {
		return false
	}
	return !slices.ContainsFunc(d.Signals, func(a analyzer.Assessment) bool {
		return a.Verdict == analyzer.Regressed && a.Kind != analyzer.KindRollout
	})
}

// stableFrom takes the stable workload's pods for the old version: all of those ReplicaSets that were there before the canary.
// Those that came later may be of the version that was a canary.
func (r *release) stableFrom(c sighted) {
	old := map[string]bool{}
	for pod, first := range c.beside {
		if first.Before(r.t0) {
			old[replicaSetOf(pod)] = true
		}
	}
	r.control.Pods = nil
	for pod := range c.beside {
		if old[replicaSetOf(pod)] {
			if r.control.Pods == nil {
				r.control.Pods = map[string]bool{}
			}
			r.control.Pods[pod] = true
		}
	}
}

// replicaSetOf is what the names of the pods of a pod's ReplicaSet begin with, or its whole name if that tells of none.
func replicaSetOf(pod string) string {
	if m := deploymentPod.FindStringSubmatch(pod); m != nil {
		return m[1]
	}
	return pod
}

// lastBy returns the group that appeared last before a time.
func lastBy(groups []group, at time.Time) (group, bool) {
	for _, g := range slices.Backward(groups) {
		if !g.first.After(at) {
			return g, true
		}
	}
	return group{}, false
}

// onlyCanary are the sightings with the canary's series named as such, whether or not their labels call them the stable workload's.
func onlyCanary(e event.Event, seen []sightings) []sightings {
	versions := e.VersionLabels("")
	out := make([]sightings, len(seen))
	for i, s := range seen {
		out[i].labels = s.labels
		for _, one := range s.seen {
			switch {
			case one.Workload == e.Canary, s.labels.Pod != "" && ofCanary(e, one.Pod):
				one.Workload = e.Canary
			case s.labels.Version != "" && slices.Contains(versions, one.Version) && (s.labels.Pod == "" || one.Pod == ""):
				one.Workload = e.Canary
			default:
				one.Workload = e.Workload
			}
			out[i].seen = append(out[i].seen, one)
		}
	}
	return out
}

// ofCanary reports whether a pod is the canary's by its name. The name of either Deployment may begin with the other's.
func ofCanary(e event.Event, pod string) bool {
	if len(e.Workload) > len(e.Canary) && strings.HasPrefix(pod, e.Workload+"-") {
		return false
	}
	return strings.HasPrefix(pod, e.Canary+"-")
}
