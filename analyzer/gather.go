package analyzer

import (
	"slices"
	"time"
)

// identity is all that tells whose a series is.
type identity struct{ namespace, workload, pod, version string }

// gathered are series by whose they are. A pod has dozens of series, and it is asked once whether it is a subject's.
type gathered struct {
	signal Signal
	all    []found
	groups []gatheredGroup
	// in are the groups by their namespace.
	in map[string][]int
}

type gatheredGroup struct {
	who found
	// members are indices of series.
	members []int
}

func gather(sig Signal, all []found) *gathered {
	g := &gathered{signal: sig, all: all, in: map[string][]int{}}
	known := map[identity]int{}
	for i, f := range all {
		id := identity{f.namespace, f.workload, f.pod, f.version}
		n, seen := known[id]
		if !seen {
			n = len(g.groups)
			known[id] = n
			who := f
			who.workload = f.owner(sig.Labels)
			g.groups = append(g.groups, gatheredGroup{who: who})
			g.in[f.namespace] = append(g.in[f.namespace], n)
		}
		g.groups[n].members = append(g.groups[n].members, i)
	}
	return g
}

// of returns the series that are the subject's release and its control, in the order in which they were found.
func (g *gathered) of(sub Subject) (release, control []Series) {
	namespace := sub.Namespace
	if g.signal.Labels.Namespace == "" { // nothing tells, and all are in one
		namespace = ""
	}
	var mine, others []int
	since := map[int]time.Time{}
	for _, n := range g.in[namespace] {
		switch group := g.groups[n]; {
		case sub.holds(g.signal, sub.Release, group.who):
			mine = append(mine, group.members...)
			if from := sub.Release.since(g.signal, group.who.pod); !from.IsZero() {
				for _, n := range group.members {
					since[n] = from
				}
			}
		case sub.holds(g.signal, sub.Control, group.who):
			others = append(others, group.members...)
		}
	}
	return g.pick(mine, since), g.pick(others, nil)
}

// pick returns series, of which some count from a time on only.
func (g *gathered) pick(indices []int, since map[int]time.Time) []Series {
	slices.Sort(indices)
	out := make([]Series, len(indices))
	for i, n := range indices {
		out[i] = g.all[n].series
		if from, ok := since[n]; ok {
			out[i].since = from.UnixMilli()
		}
	}
	return out
}
