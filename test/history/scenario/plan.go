// Package scenario makes up the history of deployments: which workloads there are, when each was deployed, what went
// wrong and who was to blame, and what a Prometheus scraped of it.
//
// It is pure: everything follows from the Options, the seed among them. A plan is small; the samples are made up
// target by target and window by window while they are written.
package scenario

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Plan is a history before its samples are made up.
type Plan struct {
	// Options are those that it was made with, the defaults filled in.
	Options Options
	// Start and End bound all samples.
	Start, End time.Time
	// Deployments are in the order of their start.
	Deployments []Deployment

	workloads []*workload
	peers     []*workload
	// outages are the times in which Prometheus itself was away.
	outages []interval
}

// peersPerNamespace is how many workloads each namespace has that are never deployed.
const peersPerNamespace = 2

// New plans a history. An error names the command's flag that cannot work and what to do.
func New(o Options) (*Plan, error) {
	o, err := o.completed()
	if err != nil {
		return nil, err
	}
	p := &Plan{Options: o, Start: o.Start, End: o.Start.Add(o.slot() * (o.rounds() + 1))}
	for i := range o.Namespaces * peersPerNamespace {
		p.peers = append(p.peers, p.newWorkload(i/peersPerNamespace, peerName(i), false))
	}
	for i := range o.Workloads {
		w := p.newWorkload(i%o.Namespaces, workloadName(i), true)
		w.callee = p.peers[i%o.Namespaces*peersPerNamespace+i/o.Namespaces%peersPerNamespace]
		p.workloads = append(p.workloads, w)
	}
	p.deployAll()
	p.outages = p.prometheusAway()
	for _, w := range slices.Concat(p.peers, p.workloads) {
		p.restartSome(w)
		w.load = newSteps(w.pods)
	}
	p.Deployments = p.deployments()
	return p, nil
}

// Namespaces lists the namespaces whose metrics have a layout.
func (p *Plan) Namespaces(l Layout) []string {
	var out []string
	for i := range p.Options.Namespaces {
		if p.Options.layout(i) == l {
			out = append(out, namespaceName(i))
		}
	}
	return out
}

func (p *Plan) random(format string, args ...any) *rand.Rand {
	return random(p.Options.Seed, fmt.Sprintf(format, args...))
}

// newWorkload makes up a workload without its deployments; a name is given only once, whatever the namespace.
func (p *Plan) newWorkload(namespace int, name string, deployed bool) *workload {
	w := &workload{namespace: namespaceName(namespace), name: name, layout: p.Options.layout(namespace)}
	rng := p.random("workload %s/%s", w.namespace, w.name)
	w.seed = rng.Uint64()
	w.habits = newHabits(rng)
	w.eager = rng.Float64() < 0.5
	w.autoscaled = rng.Float64() < 0.3
	w.blueGreen = deployed && w.layout == ByPod && rng.Float64() < 0.3
	w.first(rng, seconds(p.Start), seconds(p.End))
	return w
}

// deployAll deploys the workloads in turn.
func (p *Plan) deployAll() {
	faults := p.Options.assign(p.random("faults"))
	end := time.Time{}
	for i, f := range faults {
		w := p.workloads[i%len(p.workloads)]
		t0 := p.startOf(i)
		rng := p.random("deployment %d", i)
		r := w.deploy(rng, t0, f, p.Options, seconds(p.End))
		p.spread(r)
		p.scaleAround(rng, r)
		p.record(r)
		end = latest(end, t0.Add(p.Options.After))
	}
	p.End = end
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// startOf is when the i-th deployment starts. The workloads are staggered evenly over a slot, at whole seconds.
func (p *Plan) startOf(i int) time.Time {
	o := p.Options
	slot := o.slot()
	stagger := slot * time.Duration(i%o.Workloads) / time.Duration(o.Workloads)
	t0 := o.Start.Add(slot*time.Duration(i/o.Workloads) + stagger + o.Before)
	slack := slot - o.Before - o.After
	t0 = t0.Add(time.Duration(p.random("start %d", i).Float64() * float64(slack)))
	return t0.Truncate(time.Second)
}

// spread lets a release's trouble befall those whom it concerns besides the release.
func (p *Plan) spread(r *release) {
	switch r.trouble.fault {
	case SharedOutage:
		for _, w := range slices.Concat(p.peers, p.workloads) {
			if w.namespace == r.workload.namespace {
				w.troubles = append(w.troubles, r.trouble)
			}
		}
	case FailingCallee:
		r.workload.callee.troubles = append(r.workload.callee.troubles, r.trouble)
	case BeforeDeploy, TrafficDip, TelemetryOutage:
		r.workload.troubles = append(r.workload.troubles, r.trouble)
	}
}

// scaleAround adds pods before and after a deployment of an autoscaled workload.
func (p *Plan) scaleAround(rng *rand.Rand, r *release) {
	if !r.workload.autoscaled {
		return
	}
	t0 := seconds(r.t0)
	before, after := p.Options.Before.Seconds(), p.Options.After.Seconds()
	if r.previous != nil && rng.Float64() < 0.7 {
		r.previous.scale(rng, t0-before+60, t0-60)
	}
	if r.trouble.fault != SilentPods && rng.Float64() < 0.7 {
		r.scale(rng, t0+5*60, t0+after-60)
	}
}

// record keeps the samples around a deployment where not all are.
func (p *Plan) record(r *release) {
	if p.Options.Span == 0 || p.Options.Continuous {
		return
	}
	r.workload.recorded = append(r.workload.recorded, interval{
		from: seconds(r.t0.Add(-p.Options.Before)), to: seconds(r.t0.Add(p.Options.After)),
	})
}

// restartSome lets one pod in twelve restart its container once, not too close to its beginning and end.
func (p *Plan) restartSome(w *workload) {
	const margin = 15 * 60
	if w.layout != ByPod {
		return // the exporter goes on
	}
	for _, pod := range w.pods {
		rng := p.random("restart %s/%s", w.namespace, pod.name)
		from, to := max(pod.ready, seconds(p.Start))+margin, min(pod.leaves, seconds(p.End))-margin
		if pod.serves() && to > from && rng.Float64() < 1./12 {
			pod.restart(rng, uniform(rng, from, to))
		}
	}
}

// prometheusAway lets Prometheus be away about once a day, for half a minute to four minutes.
func (p *Plan) prometheusAway() []interval {
	rng := p.random("outages")
	var out []interval
	for at := seconds(p.Start); ; {
		at += rng.ExpFloat64() * secondsPerDay
		if at > seconds(p.End) {
			return out
		}
		length := uniform(rng, 30, 240)
		out = append(out, interval{at, at + length})
		at += length
	}
}

func (p *Plan) away(at float64) bool {
	return slices.ContainsFunc(p.outages, func(o interval) bool { return o.from <= at && at < o.to })
}
