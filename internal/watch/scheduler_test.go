package watch

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// other is the event of another workload of the namespace.
func other(w *world, name string) Published {
	m := w.document("checkout", name, `"d1"`, `"d-`+name+`"`)
	m.Subject = "deployments.production.shop." + name
	return m
}

func TestWatchesWithTheSameSignalsShareAQuery(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		p := w.run()
		for i := range 5 {
			require.NoError(t, p.Accept(t.Context(), other(w, fmt.Sprint("shop", i))))
		}
		time.Sleep(time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		require.LessOrEqual(t, len(w.samples), 13, "one query every 5 s")
		require.GreaterOrEqual(t, len(w.samples), 10)
		for _, subjects := range w.samples {
			require.Len(t, subjects, 5)
		}
	})
}

func TestWatchesWithOtherSignalsDoNot(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		slow := testPolicy()
		slow.Name, slow.Signals[0].Requests = "slow", "grpc_requests_total"
		slow.Match = []Match{{Workload: "slow"}}
		var asked atomic.Int32
		p := w.run(func(o *Options) {
			o.Policies = append([]Policy{slow}, o.Policies...)
			o.Sampler = hanging{o.Sampler, "grpc_requests_total", &asked}
		})
		require.NoError(t, p.Accept(t.Context(), other(w, "slow")))
		require.NoError(t, p.Accept(t.Context(), other(w, "fast")))
		time.Sleep(time.Minute)
		for _, v := range p.Watches() {
			require.Equal(t, v.Event.Workload == "slow", v.lastTick.IsZero(), "a query that hangs delays its own watches only")
		}
		require.EqualValues(t, 1, asked.Load(), "and is not asked again meanwhile")
	})
}

// hanging never answers for one signal.
type hanging struct {
	Sampler
	requests string
	asked    *atomic.Int32
}

func (h hanging) Sample(ctx context.Context, sig analyzer.Signal, subjects []analyzer.Subject) (map[string][]analyzer.Measurement, error) {
	if sig.Requests == h.requests {
		h.asked.Add(1)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.Sampler.Sample(ctx, sig, subjects)
}

// Prometheus fails, the journal fails, the process restarts: every tick of the grid is journalled once, in order.
func TestTicksAreNeitherLostNorDoubled(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		n := 0
		w.failing(func(call string, done bool) error {
			if call == "sampler.sample" || call == "journal.append" && done {
				if n++; n%4 != 0 {
					return errDown
				}
			}
			return nil
		})
		for range 4 {
			p := w.run()
			_ = p.Accept(t.Context(), w.document())
			time.Sleep(41 * time.Second)
			p.stop()
		}
		w.failing(nil)
		w.await(w.run(), Healthy)
		last := w.t0
		ticks := 0
		for _, e := range w.entries() {
			if e.Kind == incident.KindTick {
				require.True(t, e.Tick.From.Equal(last), "%s after %s", e.Tick.From, last)
				last, ticks = e.Tick.At, ticks+1
			}
		}
		require.Equal(t, 12+12+6, ticks)
	})
}

// After an outage of Prometheus the ticks come late and in bulk, and a breach that is over is not acted on.
func TestALateBacklogDoesNotActOnABreachThatIsOver(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) { o.Sampler = recovering{o.Sampler, w.t0.Add(60 * time.Second)} })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.failing(func(call string, _ bool) error {
			if call == "sampler.sample" {
				return errDown
			}
			return nil
		})
		time.Sleep(100 * time.Second)
		w.failing(nil)
		w.await(p, Healthy)
		require.Empty(t, w.patched())
		require.Empty(t, count(w.entries(), incident.KindIntent))
	})
}

// recovering is bad up to a time.
type recovering struct {
	Sampler
	at time.Time
}

func (r recovering) Sample(ctx context.Context, sig analyzer.Signal, subjects []analyzer.Subject) (map[string][]analyzer.Measurement, error) {
	out, err := r.Sampler.Sample(ctx, sig, subjects)
	for _, sub := range subjects {
		for i, span := range sub.Spans {
			if err == nil && span.At.After(r.at) {
				out[sub.Key][i].Pods = map[string]analyzer.Counts{"checkout-v2-a": {N: 100, K: 1}}
			}
		}
	}
	return out, err
}

func TestPast(t *testing.T) {
	pinned := func(key string, accepted, t0 time.Duration, state State) Watch {
		return newTestWatch(func(w *Watch) {
			w.Key, w.AcceptedAt, w.State, w.Since = key, start.Add(accepted), state, start.Add(accepted+time.Minute)
			w.Pin = &rollback.Pin{T0: start.Add(t0), Release: revisionOf(key, "1", start.Add(t0))}
		})
	}
	s := New(Options{})
	s.ended["a"] = pinned("a", 1*time.Hour, 1*time.Hour, Healthy)
	s.ended["b"] = pinned("b", 2*time.Hour, 4*time.Hour, Held) // its event came before that of c, its deployment after
	s.actors["c"] = newActor(&Supervisor{opts: Options{Log: newWorld(t).options().Log}}, pinned("c", 3*time.Hour, 3*time.Hour, Watching))
	s.ended["later"] = pinned("later", 9*time.Hour, 9*time.Hour, Healthy)
	elsewhere := pinned("x", time.Hour, time.Hour, Healthy)
	elsewhere.Event.Workload = "cart"
	s.ended["x"] = elsewhere
	var hashes []string
	for _, p := range s.pastOf(pinned("now", 5*time.Hour, 5*time.Hour, Pending), rollback.Snapshot{}) {
		hashes = append(hashes, p.Hash)
		require.Equal(t, p.Hash == "hash-c", p.Ended.IsZero(), "an open one has no end")
		require.Equal(t, p.Hash == "hash-b", p.Bad)
	}
	require.Equal(t, []string{"hash-b", "hash-c", "hash-a"}, hashes)
}

// What is kept in memory of a watch that has ended says the same to a list, to its event and to later watches.
func TestAnEpitomeSaysTheSame(t *testing.T) {
	s := newStory(t)
	s.play(restored + `70s | ticks good 65s | tick HEALTHY tick*3 HEALTHY >RolledBack | RolledBack`)
	short := s.watch.epitome()
	require.Equal(t, s.watch.View(), short.View())
	require.Equal(t, s.watch.past(), short.past())
	require.True(t, short.sameEvent(testEvent()))
	require.True(t, event.SameBody(short.said(), testEvent()))
	require.Empty(t, short.Baselines)
	require.Nil(t, short.intent)
}

// A version that has been live for 20 hours is announced, and Prometheus refuses queries of such a length. The watch of
// a fresh release is judged all the same, and never asked for by a long query; nor does the old one wait for ever.
func TestALaggardDoesNotStretchTheQueryOfTheOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		day := testPolicy()
		day.Stages[2] = Stage{Name: "enhanced", Until: 24 * time.Hour, Interval: time.Minute, Mode: Observe}
		p := w.run(func(o *Options) {
			o.Policies = []Policy{day}
			o.Sampler = bounded{o.Sampler, 2 * time.Hour}
		})
		require.NoError(t, p.Accept(t.Context(), other(w, "fresh")))
		time.Sleep(time.Minute)
		require.NotZero(t, tickedLast(p, "fresh"))
		w.mu.Lock()
		w.live.Revisions[0].CreatedAt, w.live.Revisions[0].FirstPodAt = w.t0.Add(-20*time.Hour), w.t0.Add(-20*time.Hour)
		w.live.Live = &w.live.Revisions[0]
		w.mu.Unlock()
		require.NoError(t, p.Accept(t.Context(), other(w, "old")))
		time.Sleep(10 * time.Minute)
		require.Less(t, time.Since(tickedLast(p, "fresh")), 90*time.Second)
		require.Less(t, time.Since(tickedLast(p, "old")), 90*time.Second, "it has caught up")
	})
}

// What Prometheus refuses to one laggard keeps nobody else waiting.
func TestALaggardThatIsRefusedFailsAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		p := w.run(func(o *Options) { o.Sampler = bounded{o.Sampler, 2 * time.Minute} })
		fresh := w.live
		old := w.live
		old.Revisions = []rollback.Revision{revisionOf("v2", "2", w.t0.Add(-20*time.Minute)), w.live.Revisions[1]}
		old.Live = &old.Revisions[0]
		w.live = old
		require.NoError(t, p.Accept(t.Context(), other(w, "old")))
		time.Sleep(2 * time.Second)
		w.mu.Lock()
		w.live = fresh
		w.mu.Unlock()
		require.NoError(t, p.Accept(t.Context(), other(w, "fresh")))
		time.Sleep(90 * time.Second)
		require.Zero(t, tickedLast(p, "old"))
		require.Less(t, time.Since(tickedLast(p, "fresh")), 30*time.Second)
	})
}

func tickedLast(p *process, workload string) time.Time {
	for _, v := range p.Watches() {
		if v.Event.Workload == workload {
			return v.lastTick
		}
	}
	return time.Time{}
}

// bounded refuses queries that span more than a limit, as Prometheus does with --query.max-samples.
type bounded struct {
	Sampler
	limit time.Duration
}

func (b bounded) Sample(ctx context.Context, sig analyzer.Signal, subjects []analyzer.Subject) (map[string][]analyzer.Measurement, error) {
	first, last := subjects[0].Spans[0].From, time.Time{}
	for _, s := range subjects {
		if from := s.Spans[0].From; from.Before(first) {
			first = from
		}
		if at := s.Spans[len(s.Spans)-1].At; at.After(last) {
			last = at
		}
	}
	if d := last.Sub(first); d > b.limit {
		return nil, fmt.Errorf("query processing would load too many samples into memory in query execution (%s)", d)
	}
	return b.Sampler.Sample(ctx, sig, subjects)
}
