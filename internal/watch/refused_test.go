package watch

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// refusing is a Prometheus that refuses what it is asked of some signals or subjects, as the real one refuses an expression that
// it cannot evaluate, or too many samples.
type refusing struct {
	Sampler
	refuses func(sig analyzer.Signal, subjects []analyzer.Subject) *v1.Error
}

func (r refusing) Sample(ctx context.Context, sig analyzer.Signal, subjects []analyzer.Subject) (map[string][]analyzer.Measurement, error) {
	if err := r.refuses(sig, subjects); err != nil {
		return nil, err
	}
	return r.Sampler.Sample(ctx, sig, subjects)
}

func (r refusing) Baseline(ctx context.Context, sig analyzer.Signal, sub analyzer.Subject, span analyzer.Span) (analyzer.Baseline, error) {
	if err := r.refuses(sig, []analyzer.Subject{sub}); err != nil {
		return analyzer.Baseline{}, err
	}
	return r.Sampler.Baseline(ctx, sig, sub, span)
}

// twoSignals is the test's policy with a second signal, which comes first.
func twoSignals() Policy {
	p := testPolicy()
	odd := p.Signals[0]
	odd.Name, odd.Requests = "odd", "odd_requests_total"
	p.Signals = []analyzer.Signal{odd, p.Signals[0]}
	return p
}

func refusalKinds() map[string]*v1.Error {
	return map[string]*v1.Error{
		"a query that does not parse": {Type: v1.ErrBadData, Msg: "invalid parameter \"query\""},
		"too many samples":            {Type: v1.ErrExec, Msg: "query processing would load too many samples into memory"},
	}
}

// baselineIn is what was journalled as the baseline.
func baselineIn(entries []incident.Entry) []analyzer.Baseline {
	i := slices.IndexFunc(entries, func(e incident.Entry) bool { return e.Kind == incident.KindBaseline })
	return entries[i].Baseline
}

// A signal that Prometheus refuses to answer does not blind the others: a bad release is rolled back by those.
func TestARefusedSignalDoesNotBlindTheOthers(t *testing.T) {
	for name, refusal := range refusalKinds() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run(func(o *Options) {
					o.Policies = []Policy{twoSignals()}
					o.Sampler = refusing{o.Sampler, func(sig analyzer.Signal, _ []analyzer.Subject) *v1.Error {
						if sig.Name == "odd" {
							return refusal
						}
						return nil
					}}
				})
				require.NoError(t, p.Accept(t.Context(), w.document()))
				seen := w.await(p, RolledBackUnverified)
				require.Contains(t, seen.Reason, "odd: Prometheus gave no usable answer", "it cannot be told by all signals that it helped")
				require.Len(t, w.patched(), 1)
				i := slices.IndexFunc(w.entries(), func(e incident.Entry) bool { return e.Kind == incident.KindTick })
				tick := w.entries()[i].Tick
				require.Contains(t, tick.Signals["odd"].Error, refusal.Msg)
				require.Empty(t, tick.Signals["errors"].Error)
				base := baselineIn(w.entries())
				require.Contains(t, base[0].Problem, refusal.Msg)
				require.Empty(t, base[1].Problem)
			})
		})
	}
}

// A release that is healthy by what could be measured is not called healthy while one of its signals was refused.
func TestARefusedSignalIsNotHealthy(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		p := w.run(func(o *Options) {
			o.Policies = []Policy{twoSignals()}
			o.Sampler = refusing{o.Sampler, func(sig analyzer.Signal, _ []analyzer.Subject) *v1.Error {
				if sig.Name == "odd" {
					return refusalKinds()["a query that does not parse"]
				}
				return nil
			}}
		})
		require.NoError(t, p.Accept(t.Context(), w.document()))
		seen := w.await(p, Inconclusive)
		require.Contains(t, seen.Reason, "odd")
		require.Contains(t, seen.Reason, "invalid parameter")
	})
}

// While everything is refused the ticks are late, as they are where nothing is answered.
func TestTicksThatAreRefusedAsAWholeAreLate(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		until := w.t0.Add(70 * time.Second)
		p := w.run(func(o *Options) {
			o.Policies = []Policy{twoSignals()}
			o.Sampler = refusing{o.Sampler, func(analyzer.Signal, []analyzer.Subject) *v1.Error {
				if time.Now().Before(until) {
					return refusalKinds()["too many samples"]
				}
				return nil
			}}
		})
		require.NoError(t, p.Accept(t.Context(), w.document()))
		time.Sleep(60 * time.Second)
		require.Zero(t, tickedLast(p, "checkout"))
		w.await(p, Healthy)
		require.Empty(t, baselineIn(w.entries())[0].Problem)
	})
}

// Of many watches that one query asks for, only the one whose part is refused goes without; and a query that is too big for
// Prometheus is asked in parts.
func TestOneWatchThatIsRefusedKeepsNobodyWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		var asked atomic.Int32
		p := w.run(func(o *Options) {
			o.Sampler = refusing{o.Sampler, func(_ analyzer.Signal, subjects []analyzer.Subject) *v1.Error {
				asked.Add(1)
				huge := slices.ContainsFunc(subjects, func(s analyzer.Subject) bool { return s.Workload == "shop3" })
				if huge && len(subjects[0].Spans) > 0 || len(subjects) > 5 {
					return refusalKinds()["too many samples"]
				}
				return nil
			}}
		})
		for _, name := range []string{"shop0", "shop1", "shop2", "shop3", "shop4", "shop5", "shop6", "shop7"} {
			require.NoError(t, p.Accept(t.Context(), other(w, name)))
		}
		time.Sleep(60 * time.Second)
		for _, v := range p.Watches() {
			require.Equal(t, v.Event.Workload == "shop3", v.lastTick.IsZero(), v.Event.Workload)
		}
		require.Less(t, int(asked.Load()), 8+14*9, "eight watches and one that is refused take nine questions a tick at the most")
	})
}
