package scenario

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// release is one version of a workload and the pods that run it.
type release struct {
	workload *workload
	// deployment is the Deployment's name, which of blue-green workloads ends with the colour.
	deployment, colour string
	version, hash      string
	previous           *release
	strategy           strategy
	t0                 time.Time
	trouble            trouble
	pods               []*pod
}

type strategy int

const (
	rolling strategy = iota
	switched
)

// pod is one pod. Times are in seconds since the epoch.
type pod struct {
	release        *release
	name, instance string
	// The pod is scraped from born on, exposes metrics from up on, takes traffic from ready to leaves, and is gone when dead.
	born, up, ready, leaves, dead float64
	// restarts are the times in which its container is down.
	restarts     []interval
	sick, silent bool
}

// serves reports whether the pod ever takes traffic.
func (p *pod) serves() bool { return !p.silent && p.leaves > p.ready }

// podPrefix is what the names of a release's pods begin with.
func (r *release) podPrefix() string { return r.deployment + "-" + r.hash + "-" }

// addPod adds a pod that lives until the end unless it is told otherwise.
func (r *release) addPod(rng *rand.Rand, born, up, ready, end float64) *pod {
	p := &pod{release: r, born: born, up: up, ready: ready, leaves: end, dead: end}
	p.name = r.podPrefix() + word(rng, 5)
	p.instance = fmt.Sprintf("10.99.%d.%d:8080", rng.IntN(256), 1+rng.IntN(254))
	r.pods = append(r.pods, p)
	r.workload.pods = append(r.workload.pods, p)
	return p
}

func (w *workload) newRelease(rng *rand.Rand, s strategy) *release {
	r := &release{workload: w, previous: w.current, strategy: s, deployment: w.name, hash: word(rng, 10)}
	r.version = fmt.Sprintf("v1.%d.0", len(w.releases))
	if w.blueGreen {
		r.colour = "blue"
		if w.current != nil {
			r.colour = w.current.colour
		}
		if s == switched && r.colour == "blue" {
			r.colour = "green"
		} else if s == switched {
			r.colour = "blue"
		}
		r.deployment = w.name + "-" + r.colour
	}
	w.releases = append(w.releases, r)
	return r
}

// first adds the version that serves when the history begins, on three to six pods.
func (w *workload) first(rng *rand.Rand, start, end float64) {
	r := w.newRelease(rng, rolling)
	for range 3 + rng.IntN(4) {
		born := start - uniform(rng, 1, 5)*secondsPerDay
		r.addPod(rng, born, born, born, end)
	}
	w.current = r
}

// deploy adds a release at t0 with its fault and replaces the pods of the current one.
func (w *workload) deploy(rng *rand.Rand, t0 time.Time, f Fault, o Options, end float64) *release {
	s := rolling
	if w.blueGreen && f != SilentPods {
		s = switched
	}
	r := w.newRelease(rng, s)
	r.t0, r.trouble = t0, happen(f, t0, o, rng)
	old := w.current.alive(seconds(t0))
	switch {
	case f == SilentPods:
		born := seconds(t0)
		p := r.addPod(rng, born, born, born, r.trouble.end)
		p.silent = true
		return r // the old pods go on
	case s == switched:
		r.switchFrom(rng, old, end)
	default:
		r.rollFrom(rng, old, end)
	}
	if f == SickPod {
		r.pods[rng.IntN(len(r.pods))].sick = true
	}
	w.current = r
	return r
}

// alive returns the pods that are there at a time and for a quarter of an hour after, which the autoscaled ones may not be.
func (r *release) alive(at float64) []*pod {
	var out []*pod
	for _, p := range r.pods {
		if p.born <= at && p.dead > at+15*60 {
			out = append(out, p)
		}
	}
	return out
}

// rollFrom replaces the old pods one by one; each goes on until its replacement is ready, and is gone half a minute later.
func (r *release) rollFrom(rng *rand.Rand, old []*pod, end float64) {
	at := seconds(r.t0)
	for _, o := range old {
		up := at + uniform(rng, 2, 6)
		ready := up + uniform(rng, 1, 4)
		r.addPod(rng, at, up, ready, end)
		o.leaves = ready + uniform(rng, 0, 2)
		o.dead = o.leaves + uniform(rng, 20, 45)
		at = ready + uniform(rng, 4, 18)
	}
}

// switchFrom starts all pods some minutes before traffic is switched to them at once; the old ones stay a while idle.
func (r *release) switchFrom(rng *rand.Rand, old []*pod, end float64) {
	t0 := seconds(r.t0)
	born, gone := t0-uniform(rng, 120, 400), t0+uniform(rng, 300, 800)
	for _, o := range old {
		r.addPod(rng, born, born+uniform(rng, 2, 6), t0, end)
		o.leaves, o.dead = t0, gone+uniform(rng, 0, 3)
	}
}

// scale adds pods for a while, as an autoscaler does.
func (r *release) scale(rng *rand.Rand, from, to float64) {
	length := min(uniform(rng, 12, 45)*60, to-from)
	born := uniform(rng, from, to-length)
	for range 1 + rng.IntN(2) {
		up := born + uniform(rng, 2, 6)
		p := r.addPod(rng, born, up, up+uniform(rng, 1, 4), born+length)
		p.leaves = p.dead - 25
	}
}

// restart takes the pod's container down at a time: shortly where the counters are exposed at zero afterwards, which shows
// the reset, and else for so long that nobody can take what is counted next for a continuation.
func (p *pod) restart(rng *rand.Rand, at float64) {
	down := uniform(rng, 5, 18)
	if !p.release.workload.eager {
		down = uniform(rng, 65, 140)
	}
	p.restarts = append(p.restarts, interval{at, at + down})
}

// recovering is how long a restarted container exposes metrics before it takes traffic, in seconds: more than a scrape.
const recovering = 17

// serving is the part of (a, b], in seconds, in which the pod takes traffic.
func (p *pod) serving(a, b float64) float64 {
	if p.silent {
		return 0
	}
	d := overlap(a, b, interval{p.ready, p.leaves})
	for _, r := range p.restarts {
		d -= overlap(a, b, interval{r.from, r.to + recovering})
	}
	return max(0, d)
}

// down reports whether a scrape of the pod fails.
func (p *pod) down(at float64) bool {
	if p.silent || at < p.up {
		return true
	}
	for _, r := range p.restarts {
		if r.from <= at && at < r.to {
			return true
		}
	}
	return false
}

func overlap(a, b float64, i interval) float64 { return max(0, min(b, i.to)-max(a, i.from)) }
