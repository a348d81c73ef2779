package backtest

import (
	"maps"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// sightings are what was seen by one signal, with the labels that its series have.
type sightings struct {
	labels analyzer.Labels
	seen   []analyzer.Sighting
}

// sighted is what was seen by all signals together, each list in order of time.
type sighted struct {
	replicaSets, versions []group
	// pods are those that no ReplicaSet's name tells of.
	pods []group
	// all tells since when, and with which version, every pod was seen.
	all map[string]analyzer.Sighting
	// beside are the pods of the workload beside it, which is the other colour or the stable one, and since when they were seen.
	beside map[string]time.Time
	// workloads tells since when each workload was seen, by whatever label.
	workloads map[string]time.Time
	// byLabel says that some series tell pods or versions apart.
	byLabel bool
}

// census puts together what the signals saw of a workload. What they saw of the other colour's is kept by pod only.
func census(seen []sightings, workload string) sighted {
	c := sighted{all: map[string]analyzer.Sighting{}, beside: map[string]time.Time{}, workloads: map[string]time.Time{}}
	sets, versions, pods := map[string]time.Time{}, map[string]time.Time{}, map[string]time.Time{}
	for _, s := range seen {
		for _, one := range s.seen {
			earliest(c.workloads, one.Workload, one.First)
			if one.Workload != "" && one.Workload != workload {
				if one.Pod != "" {
					earliest(c.beside, one.Pod, one.First)
				}
				continue
			}
			c.byLabel = c.byLabel || s.labels.Pod != "" && one.Pod != "" || s.labels.Version != "" && one.Version != ""
			if s.labels.Version != "" {
				earliest(versions, one.Version, one.First)
			}
			if s.labels.Pod == "" || one.Pod == "" {
				continue
			}
			c.remember(one)
			if m := deploymentPod.FindStringSubmatch(one.Pod); m != nil {
				earliest(sets, m[1], one.First)
			} else {
				earliest(pods, one.Pod, one.First)
			}
		}
	}
	c.replicaSets, c.versions, c.pods = inOrder(sets), inOrder(versions), inOrder(pods)
	return c
}

// remember keeps the earliest sighting of a pod, and its version if any signal tells it.
func (c sighted) remember(s analyzer.Sighting) {
	old, known := c.all[s.Pod]
	if known {
		if old.First.Before(s.First) {
			s.First = old.First
		}
		if old.Last.After(s.Last) {
			s.Last = old.Last
		}
		if s.Version == "" {
			s.Version = old.Version
		}
	}
	c.all[s.Pod] = s
}

func earliest(times map[string]time.Time, name string, at time.Time) {
	if old, known := times[name]; !known || at.Before(old) {
		times[name] = at
	}
}

func inOrder(times map[string]time.Time) []group {
	var out []group
	for _, name := range slices.Sorted(maps.Keys(times)) {
		out = append(out, group{name: name, first: times[name]})
	}
	slices.SortStableFunc(out, func(a, b group) int { return a.first.Compare(b.first) })
	return out
}

// divided reports whether anything could tell a release from what was there before.
func (c sighted) divided() bool { return c.byLabel }

// earliest is when anything of a workload was seen first; false if nothing was.
func (c sighted) earliest(workload string) (time.Time, bool) {
	first, ok := c.workloads[workload]
	return first, ok
}

// saw reports whether anything of a workload was seen.
func (c sighted) saw(workload string) bool {
	_, ok := c.workloads[workload]
	return ok
}

// podsBeside are the pods of the workload beside it.
func (c sighted) podsBeside() map[string]bool {
	out := make(map[string]bool, len(c.beside))
	for pod := range c.beside {
		out[pod] = true
	}
	return out
}

// named returns the earliest of the versions that has one of the names; nil if none was seen.
func (c sighted) named(names []string) *group {
	for _, g := range c.versions {
		if slices.Contains(names, g.name) {
			return &g
		}
	}
	return nil
}

// podsOf returns the pods that carry one of the versions.
func (c sighted) podsOf(versions []string) map[string]bool {
	return c.podsThat(func(s analyzer.Sighting) bool { return slices.Contains(versions, s.Version) })
}

// podsOlder returns the pods of what was there before a time, but for those given: of ReplicaSets and versions that were seen then, and
// others that were.
func (c sighted) podsOlder(first time.Time, without map[string]bool) map[string]bool {
	later := c.versionsSince(first)
	return c.podsThat(func(s analyzer.Sighting) bool {
		if without[s.Pod] {
			return false
		}
		if s.Version != "" && len(c.versions) > 1 {
			return !slices.Contains(later, s.Version)
		}
		begun := s.First
		for _, g := range c.replicaSets {
			if g.name == replicaSetOf(s.Pod) {
				begun = g.first
			}
		}
		return begun.Before(first)
	})
}

// versionsSince returns the versions that were first seen after a time.
func (c sighted) versionsSince(first time.Time) []string {
	var out []string
	for _, g := range c.versions {
		if g.first.After(first) {
			out = append(out, g.name)
		}
	}
	return out
}

// otherPods returns all pods but those given.
func (c sighted) otherPods(pods map[string]bool) map[string]bool {
	return c.podsThat(func(s analyzer.Sighting) bool { return !pods[s.Pod] })
}

func (c sighted) podsThat(belong func(analyzer.Sighting) bool) map[string]bool {
	var out map[string]bool
	for pod, s := range c.all {
		if belong(s) {
			if out == nil {
				out = map[string]bool{}
			}
			out[pod] = true
		}
	}
	return out
}

// pause is how far apart two pods of one rollout may appear.
const pause = 3 * time.Minute

// newcomers returns the pods that appeared with the one nearest to the event, and all that came after them: once a release
// is out, new pods are its own.
func (c sighted) newcomers(at time.Time, settleFor time.Duration) (map[string]bool, time.Time, bool) {
	if first, ok := c.replaced(at); ok {
		return c.podsSince(first), first, true
	}
	nearby, ok := nearest(c.pods, at, settleFor)
	if !ok {
		return nil, time.Time{}, false
	}
	first := nearby.first
	for _, g := range slices.Backward(c.pods) {
		if g.first.Before(first) && first.Sub(g.first) <= pause && !g.first.Before(at.Add(-lead)) {
			first = g.first
		}
	}
	return c.podsSince(first), first, true
}

// replaced tells when the first of a release's pods appeared where all pods have gone that were there before: whatever came shortly
// before the event or after it and has stayed is the release's, however long its rollout took. It is false where some have stayed.
func (c sighted) replaced(at time.Time) (first time.Time, ok bool) {
	var newest time.Time
	for _, g := range c.pods {
		newest = latest(newest, c.all[g.name].Last)
	}
	gone := 0
	for _, g := range c.pods {
		stayed := newest.Sub(c.all[g.name].Last) < pause
		switch old := g.first.Before(at.Add(-lead)); {
		case old && stayed:
			return time.Time{}, false
		case old:
			gone++
		case stayed && (first.IsZero() || g.first.Before(first)):
			first = g.first
		}
	}
	return first, gone > 0 && !first.IsZero()
}

// podsSince returns the pods that no ReplicaSet's name tells of and that were first seen then or later.
func (c sighted) podsSince(first time.Time) map[string]bool {
	out := map[string]bool{}
	for _, g := range c.pods {
		if !g.first.Before(first) {
			out[g.name] = true
		}
	}
	return out
}
