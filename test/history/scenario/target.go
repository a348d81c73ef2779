package scenario

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
)

// Append adds a sample to a series: a time in milliseconds since the epoch and a value.
type Append func(t int64, v float64)

// Open returns the Append of the series with these labels. It may be called by several goroutines, but never twice for
// one series and window.
type Open func(labels.Labels) Append

// target is one thing that Prometheus scrapes: a pod, or an exporter that knows all pods of a workload.
type target struct {
	plan     *Plan
	workload *workload
	rng      *rand.Rand
	up       *series
	groups   []*group
	// next is the time of the next scrape, every their spacing, and until when the target goes away, in milliseconds.
	next, every, until int64
	gone               bool
	// tell is told what each scrape showed; it may be nil.
	tell func(reading)
}

// group is what is counted together: a pod, the pods of a version, or all pods of a workload.
type group struct {
	counters
	// before is what they were at the last scrape that succeeded.
	before counters
	pods   []*pod
	series []*series
	// joined tells that it appears on a target that was scraped before.
	joined bool
	// running tells whether the process that counts exposes it.
	running bool
	// from and until bound when it is exposed, in seconds.
	from, until float64
	// stepped is until when the pods have worked, in seconds.
	stepped float64
	// pending is what each release did that no scrape has shown yet.
	pending map[*release]Counts
	// seen is when requests were last exposed, in milliseconds, or 0.
	seen int64
}

func (p *Plan) newTarget(w *workload, part string, from, until float64, base labels.Labels) *target {
	t := &target{plan: p, workload: w, rng: p.random("target %s/%s", w.namespace, part), until: int64(until * 1000)}
	t.every = w.layout.Scrape().Milliseconds()
	offset := t.rng.Int64N(t.every)
	t.next = max(int64(from*1000), p.Start.UnixMilli())
	t.next += (offset - t.next%t.every + t.every) % t.every
	t.up = &series{labels: with(base, model.MetricNameLabel, "up")}
	return t
}

func (t *target) newGroup(base labels.Labels, pods []*pod, from, until float64) *group {
	g := &group{pods: pods, from: from, until: until, pending: map[*release]Counts{}, series: t.workload.exposed(base, pods[0].release.deployment)}
	g.stepped = max(from, seconds(t.plan.Start))
	if from < g.stepped { // it has served for a while
		g.counters = t.workload.serve(t.rng, uint64(uniform(t.rng, 1e5, 1e6)), condition{
			fail: t.workload.errors, callFails: ordinaryCallFailures, convert: t.workload.conversion,
		})
	}
	t.groups = append(t.groups, g)
	return g
}

// run scrapes the target until end, in milliseconds, exclusively.
func (t *target) run(end int64, open Open) {
	for _, s := range t.allSeries() {
		s.append = nil
	}
	for ; t.next < end && !t.gone; t.next += t.every {
		at := inSeconds(t.next)
		if !t.workload.isRecorded(at) || t.plan.away(at) {
			continue
		}
		t.scrape(t.next+t.jitter(), open)
	}
}

// jitter is by how many milliseconds a scrape is late: mostly by none, because Prometheus aligns timestamps.
func (t *target) jitter() int64 {
	if t.rng.IntN(10) > 0 {
		return 0
	}
	return t.rng.Int64N(6)
}

func (t *target) allSeries() []*series {
	all := []*series{t.up}
	for _, g := range t.groups {
		all = append(all, g.series...)
	}
	return all
}

// scrape does one scrape at a time in milliseconds.
func (t *target) scrape(ms int64, open Open) {
	at := inSeconds(ms)
	if ms >= t.until { // it is gone: Prometheus marks all its series stale, once
		t.gone = true
		for _, s := range t.allSeries() {
			s.stale(ms, open)
		}
		return
	}
	for _, g := range t.groups {
		g.step(t.rng, at)
	}
	if t.fails(at) {
		t.up.sample(ms, 0, open)
		for _, s := range t.allSeries()[1:] {
			s.stale(ms, open)
		}
		return
	}
	t.up.sample(ms, 1, open)
	for _, g := range t.groups {
		t.show(g, ms, open)
	}
}

// fails decides whether a scrape fails: while a container is down or telemetry is out, and once in a while for no reason.
func (t *target) fails(at float64) bool {
	chance := t.rng.Float64() < 0.001
	if chance || t.workload.dark(at) {
		return true
	}
	return t.workload.layout == ByPod && t.groups[0].pods[0].down(at)
}

// show exposes a group.
func (t *target) show(g *group, ms int64, open Open) {
	for _, s := range g.series {
		if v, exposed := s.value(g); exposed {
			s.sample(ms, v, open)
		} else {
			s.stale(ms, open)
		}
	}
	g.before = g.counters
	if g.running && (t.workload.eager || g.total() > 0) {
		t.read(g, ms)
		g.seen = ms
	}
}

// read tells what a scrape shows.
func (t *target) read(g *group, ms int64) {
	if t.tell != nil {
		for r, c := range g.pending {
			t.tell(reading{at: ms, release: r, counts: c, seen: g.seen, joined: g.joined})
		}
	}
	clear(g.pending)
}

// sample appends a value.
func (s *series) sample(ms int64, v float64, open Open) {
	if s.append == nil {
		s.append = open(s.labels)
	}
	s.append(ms, v)
	s.present = true
}

// stale appends a staleness marker to a series that was there at the last scrape.
func (s *series) stale(ms int64, open Open) {
	if s.present {
		s.sample(ms, math.Float64frombits(value.StaleNaN), open)
		s.present = false
	}
}

// step lets the pods work until a time in seconds.
func (g *group) step(rng *rand.Rand, at float64) {
	for _, restart := range g.restarts(at) {
		g.work(rng, restart.from)
		g.counters, g.before = counters{}, counters{}
		clear(g.pending) // nobody will ever see it
	}
	g.work(rng, at)
	g.running = at >= g.from && at < g.until
}

// restarts are those between the last step and a time; only a group of one pod has any.
func (g *group) restarts(at float64) []interval {
	var out []interval
	for _, p := range g.pods {
		for _, r := range p.restarts {
			if g.stepped < r.from && r.from <= at {
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b interval) int { return cmp.Compare(a.from, b.from) })
	return out
}

func (g *group) work(rng *rand.Rand, at float64) {
	for _, p := range g.pods {
		if p.leaves <= g.stepped || p.ready >= at {
			continue
		}
		done := p.work(rng, g.stepped, at)
		g.add(done)
		g.pending[p.release] = g.pending[p.release].plus(done.counts())
	}
	g.stepped = at
}
