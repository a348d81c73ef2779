package analyzer

import "time"

// identity is all that tells whose a series is.
type identity struct{ namespace, workload, pod, version string }

// gathered are series by whose they are. A pod has dozens of series, and it is asked once whether it is a subject's. An answer has ten
// thousands of them, so that what is the same for all of a pod's is kept once.
type gathered struct {
	signal Signal
	groups []gatheredGroup
	// known are the groups by whose they are, in those of a namespace.
	known map[identity]int
	in    map[string][]int
	// release and control are what was picked last; the next subject's take their place.
	release, control []Series
}

type gatheredGroup struct {
	who    found
	series []Series
}

func gather(sig Signal, all []found) *gathered {
	g := newGathered(sig)
	for _, f := range all {
		g.add(f)
	}
	return g
}

func newGathered(sig Signal) *gathered {
	return &gathered{signal: sig, known: map[identity]int{}, in: map[string][]int{}}
}

// add takes up one series.
func (g *gathered) add(f found) {
	id := identity{f.namespace, f.workload, f.pod, f.version}
	n, seen := g.known[id]
	if !seen {
		n = len(g.groups)
		g.known[id] = n
		g.in[f.namespace] = append(g.in[f.namespace], n)
		who := found{namespace: f.namespace, workload: f.owner(g.signal.Labels), pod: f.pod, version: f.version}
		g.groups = append(g.groups, gatheredGroup{who: who})
	}
	g.groups[n].series = append(g.groups[n].series, f.series)
}

// of returns the series that are the subject's release and its control, pod by pod. They are valid until it is called again.
func (g *gathered) of(sub Subject) (release, control []Series) {
	namespace := sub.Namespace
	if g.signal.Labels.Namespace == "" { // nothing tells, and all are in one
		namespace = ""
	}
	g.release, g.control = g.release[:0], g.control[:0]
	for _, n := range g.in[namespace] {
		switch group := g.groups[n]; {
		case sub.holds(g.signal, sub.Release, group.who):
			g.release = append(g.release, group.series...)
			if from := sub.Release.since(g.signal, group.who.pod); !from.IsZero() {
				countFrom(g.release[len(g.release)-len(group.series):], from)
			}
		case sub.holds(g.signal, sub.Control, group.who):
			g.control = append(g.control, group.series...)
		}
	}
	return g.release, g.control
}

// countFrom has series count from a time on only.
func countFrom(series []Series, from time.Time) {
	for i := range series {
		series[i].since = from.UnixMilli()
	}
}
