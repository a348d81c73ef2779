package watch

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// The Deployment that is judged, and the old colour beside it.
const (
	raceWorkload = "checkout"
	raceOld      = "checkout-blue"
)

// raceSeed runs one race again, such as one that failed: go test ./internal/watch -run TestRaces -race-seed 17.
var raceSeed = flag.Int("race-seed", -1, "the one race to run, with everything that happens in it")

// Two processes carry the same watches while calls fail, either is killed between any two calls, and people and controllers
// change what the watches are about. Whatever comes first: nothing is patched but the release that was judged, to what was
// pinned, once; the journal tells a possible story, and what landed is in it; and every watch ends.
func TestRaces(t *testing.T) {
	ended := map[State]int{}
	first, races := 0, racesRun
	if *raceSeed >= 0 {
		first, races = *raceSeed, 1
	}
	landed := 0
	for seed := first; seed < first+races; seed++ {
		synctest.Test(t, func(t *testing.T) {
			r := newRace(t, uint64(seed))
			r.run()
			landed += len(r.cluster.landed)
			for _, w := range r.watches() {
				ended[w.State]++
			}
		})
		if t.Failed() { // which race it was stands with what happened in it
			return
		}
	}
	t.Logf("%d races, %d patches landed, watches ended as %v", races, landed, ended)
	if races < 500 {
		return
	}
	require.Greater(t, landed, races/4, "too few races have a rollback to be worth running")
	for _, s := range []State{RolledBack, RolledBackUnverified, NotRecovered, Held, Superseded} {
		require.NotZero(t, ended[s], "no watch of any race ended as %s", s)
	}
}

// race is one story that chance tells. Only one goroutine runs in it, so that its seed tells all of it.
type race struct {
	*rand.Rand
	seed uint64
	*world
	cluster   *raceCluster
	processes []*racer
	pending   []Published
	// calm is set once nothing unforeseen happens any more.
	calm bool
	// inside is set while something happens between two calls, in which nothing else does.
	inside bool
	bad    bool
	// relief is what the ticks after a rollback look like.
	relief string
	notes  int
	story  []string
}

func newRace(t *testing.T, seed uint64) *race {
	r := &race{Rand: rand.New(rand.NewPCG(seed, 2)), seed: seed, bad: true, cluster: &raceCluster{workloads: map[string]*workloadObject{}}}
	r.relief = []string{"good", "good", "good", "bad", "none"}[r.IntN(5)]
	r.world = &world{t: t, t0: time.Now().UTC(), stored: map[string][]byte{}, journal: map[string][]record{}, names: map[string]string{}}
	if seed%2 == 0 {
		d := newWorkloadObject(raceWorkload, "v1", "", time.Hour)
		d.deploy(raceTemplate("v2", "", ""))
		r.cluster.workloads[raceWorkload] = d
	} else {
		r.cluster.workloads[raceOld] = newWorkloadObject(raceOld, "v1", "blue", time.Hour)
		r.cluster.workloads[raceWorkload] = newWorkloadObject(raceWorkload, "v2", "green", 0)
		r.cluster.service = newServiceObject("green")
	}
	r.reconcile()
	r.announce("v2", "d1")
	r.processes = []*racer{r.process(0), r.process(1)}
	return r
}

// racer is one process.
type racer struct {
	*race
	*Supervisor
	api *raceAPI
	// next are the inputs that the actors take next, restored those that have read their journals.
	next     map[*actor]input
	restored map[*actor]bool
}

// killed is what ends a process between any two calls.
type killed struct{ *racer }

func (r *race) process(number int) *racer {
	p := &racer{race: r, next: map[*actor]input{}, restored: map[*actor]bool{}}
	p.api = &raceAPI{raceCluster: r.cluster, seen: map[string]json.RawMessage{}, around: p.meanwhile}
	outside := &world{t: r.t, t0: r.t0, stored: r.stored, journal: r.journal, names: r.names, fail: func(call string, _ bool) error {
		return p.meanwhile(call)
	}}
	opts := outside.options()
	opts.Policies[0].ApprovalFor = 5 * time.Minute // nobody approves once all is calm
	opts.Instance, opts.Cache, opts.Journal = fmt.Sprint("race", number), noCache{cacheOf{outside}}, raceJournal{journalOf{outside}, journalOf{r.world}}
	opts.Cluster = rollback.NewCluster(p.api, rollback.Options{})
	p.Supervisor = New(opts)
	return p
}

// raceJournal is the stream that both processes write, as each of them reaches it.
type raceJournal struct {
	journalOf
	stream journalOf
}

func (j raceJournal) Append(ctx context.Context, key, id string, data []byte, last uint64) (seq uint64, err error) {
	if err := j.ask("journal.append", false); err != nil {
		return 0, err
	}
	seq, err = j.stream.Append(ctx, key, id, data, last)
	if late := j.ask("journal.append", true); late != nil {
		return 0, late
	}
	return seq, err
}

// meanwhile is told of every call, before and after: the call fails, the process dies, or something else happens first.
func (p *racer) meanwhile(call string) error {
	if p.calm || p.inside {
		return nil
	}
	switch p.IntN(p.rarity(call)) {
	case 0:
		p.note(call + " fails")
		return errRace
	case 1:
		p.note(p.opts.Instance + " is killed at " + call)
		panic(killed{p})
	case 2:
		p.within(p.somebody)
	case 3, 4:
		p.within(p.theOther)
	case 5:
		p.within(func() { time.Sleep(time.Duration(p.IntN(20)) * time.Second) })
	}
	return nil
}

// rarity is how rarely anything happens at a call, in units of what can. What is rare itself is worth more than reads, of which
// there are hundreds in every race.
func (p *racer) rarity(call string) int {
	switch call {
	case "api.patch":
		return 12
	case "names.claim":
		return 40
	case "journal.append":
		return 90
	}
	return 400
}

// theOther lets the other process do something.
func (p *racer) theOther() {
	for _, other := range p.processes {
		if other != p {
			p.turnOf(other)
			return
		}
	}
}

func (r *race) within(do func()) {
	r.inside = true
	defer func() { r.inside = false }()
	do()
}

func (r *race) note(what string) {
	r.story = append(r.story, fmt.Sprintf("%6.1f s: %s", time.Since(r.t0).Seconds(), what))
}

func (r *race) run() {
	r.t.Cleanup(func() {
		if r.t.Failed() || *raceSeed >= 0 {
			r.t.Logf("what happened in race %d, to be run again by -race-seed:\n%s\n%s\n%s", r.seed, strings.Join(r.story, "\n"), r.cluster, r.journals())
		}
	})
	for range 120 {
		time.Sleep(time.Duration(r.IntN(1500)) * time.Millisecond)
		switch r.IntN(12) {
		case 0:
			if r.IntN(6) == 0 {
				r.somebody()
			}
		case 1:
			r.reconcile()
		default:
			r.turnOf(r.processes[r.IntN(2)])
		}
	}
	r.settle()
	r.check()
}

// settle has one process run alone and undisturbed until every watch has ended.
func (r *race) settle() {
	r.calm = true
	r.note("calm")
	r.cluster.workloads[raceWorkload].paused = false
	r.processes = []*racer{r.process(2)}
	require.NoError(r.t, r.processes[0].Load(r.t.Context()))
	for range 1200 {
		r.reconcile()
		r.deliver(r.processes[0])
		if len(r.pending) == 0 && len(r.processes[0].actors) == 0 {
			return
		}
		for _, a := range r.processes[0].open() {
			r.processes[0].carryOn(a)
		}
		time.Sleep(time.Second)
	}
	for _, w := range r.processes[0].Watches() {
		require.True(r.t, w.State.Final(), "watch %s never ends: it is %s (%s)", w.Event.ID, w.State, w.Reason)
	}
}

// turnOf lets a process do one thing. One that dies is started again, from what is stored.
func (r *race) turnOf(p *racer) {
	nested := r.inside
	defer func() {
		dead := recover()
		if dead == nil {
			return
		}
		k, ok := dead.(killed)
		if !ok || k.racer != p {
			panic(dead)
		}
		r.inside = nested
		for i := range r.processes {
			if r.processes[i] == p {
				r.processes[i] = r.process(i)
				time.Sleep([]time.Duration{0, time.Second, 45 * time.Second}[r.IntN(3)])
				r.within(func() { require.NoError(r.t, r.processes[i].Load(r.t.Context())) })
				r.inside = nested
			}
		}
	}()
	if r.IntN(10) == 0 {
		_ = p.Load(r.t.Context()) // as a process does that takes over from another that it holds to be dead
	}
	r.deliver(p)
	if open := p.open(); len(open) > 0 {
		p.carryOn(open[0]) // in no particular order
	}
}

func (r *race) deliver(p *racer) {
	for n := len(r.pending); n > 0 && len(r.pending) > 0; n-- {
		m := r.pending[0]
		r.pending = r.pending[1:]
		err := p.Accept(r.t.Context(), m)
		var rejection *event.Rejection
		if err != nil && !errors.As(err, &rejection) {
			r.pending = append(r.pending, m)
		}
	}
}

// carryOn is one turn of what Supervisor.carry and actor.run do.
func (p *racer) carryOn(a *actor) {
	ctx := p.t.Context()
	if !p.restored[a] {
		if err := a.restore(ctx); err != nil {
			return
		}
		p.restored[a], p.next[a] = true, clock{}
	}
	in := p.next[a]
	if in == nil {
		in = p.news(ctx, a)
	}
	next, err := a.turn(ctx, in)
	switch {
	case err != nil:
		p.restored[a] = false
		a.fenced = a.fenced || errors.Is(err, ErrFenced)
	case a.watch.State.Final():
		_ = a.finish(ctx)
		p.retire(a)
	}
	p.next[a] = next
}

// news is what an actor hears that waits: ticks, or how the cluster looks.
func (p *racer) news(ctx context.Context, a *actor) input {
	spans := a.watch.due(time.Now())
	if len(spans) == 0 || p.IntN(3) == 0 {
		return a.look(ctx)
	}
	in := measured{phase: incident.PhaseWatch}
	kind := map[bool]string{true: "bad", false: "good"}[p.bad]
	if a.watch.State == Verifying {
		in.phase, kind = incident.PhaseVerify, p.relief
	}
	for _, span := range spans {
		in.ticks = append(in.ticks, tickOf(kind, span.From, span.At))
	}
	return in
}

func (r *race) watches() []Watch { return r.processes[0].Watches() }

func (r *race) entries(key string) []incident.Entry {
	var out []incident.Entry
	for _, rec := range r.journal[key] {
		var e incident.Entry
		require.NoError(r.t, json.Unmarshal(rec.data, &e))
		e.Seq = rec.seq
		out = append(out, e)
	}
	return out
}

func (r *race) journals() string {
	var b strings.Builder
	for key := range r.journal {
		fmt.Fprintf(&b, "%s: %s\n", key, summary(r.entries(key)))
	}
	return b.String()
}
