package watch

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/smoke"
	"github.com/rollbackd/rollbackd/rollback"
)

// smokerFunc answers a round.
type smokerFunc func(ctx context.Context, about smoke.Names) analyzer.SmokeRound

func (f smokerFunc) Round(ctx context.Context, _ analyzer.Smoke, about smoke.Names) analyzer.SmokeRound {
	return f(ctx, about)
}

// withSmoke adds a smoke test to the policy, and who answers it.
func withSmoke(answer smokerFunc) func(*Options) {
	return func(o *Options) {
		o.Smoke = answer
		o.Policies[0].Signals = append(o.Policies[0].Signals, analyzer.Signal{
			Name: "smoke", Kind: analyzer.KindSmoke, Smoke: analyzer.Smoke{Every: 5 * time.Second, Failures: 3},
		})
	}
}

// TestAFailedSmokeTestSurvivesARestart: rounds that were recorded count, and the rollback is made once and verified by the same
// test of the version that it brought back.
func TestAFailedSmokeTestSurvivesARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		var mu sync.Mutex
		var asked []string
		answer := withSmoke(func(_ context.Context, about smoke.Names) analyzer.SmokeRound {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, about.Version)
			if about.Version == "v2" && len(asked) > 3 {
				return analyzer.SmokeRound{N: 1, K: 1, Error: "broken"}
			}
			return analyzer.SmokeRound{N: 1}
		})
		p := w.run(answer)
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		time.Sleep(25 * time.Second)
		p.stop()

		p = w.run(answer)
		ended := w.await(p, RolledBack)
		require.Contains(t, ended.Reason, "smoke: all 1 checks passed")
		require.Len(t, w.patches, 1)
		require.Contains(t, asked, "v1")
	})
}

// TestAHangingSmokeTestDelaysNothing: the watch's other signals are measured and acted on meanwhile.
func TestAHangingSmokeTestDelaysNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(withSmoke(func(ctx context.Context, _ smoke.Names) analyzer.SmokeRound {
			<-ctx.Done()
			return analyzer.SmokeRound{N: 1, K: 1}
		}))
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Verifying)
		require.Less(t, time.Since(w.t0), time.Minute)
	})
}

func TestHistoryIsNotJudgedBySmokeTests(t *testing.T) {
	o := Options{Policies: []Policy{testPolicy()}}
	withSmoke(nil)(&o)
	require.Equal(t, testPolicy().Signals, o.Policies[0].OverHistory().Signals)
	require.Len(t, o.Policies[0].Signals, 2)
}

func TestOthersAreCountedFromWhenATestBeganToFail(t *testing.T) {
	now := time.Now()
	mine := &smokeRun{workload: "shop/a", failing: now, told: now.Add(time.Minute)}
	run := func(workload string, ended time.Time, failed int) *smokeRun {
		return &smokeRun{workload: workload, told: ended, newest: analyzer.SmokeRound{N: 1, K: failed}}
	}
	later, earlier := now.Add(time.Second), now.Add(-time.Second)
	for name, c := range map[string]struct {
		runs           []*smokeRun
		passed, failed int
	}{
		"nobody":                         {nil, 0, 0},
		"itself":                         {[]*smokeRun{run("shop/a", later, 0)}, 0, 0},
		"one of each":                    {[]*smokeRun{run("shop/b", later, 0), run("shop/c", later, 1)}, 1, 1},
		"before it began":                {[]*smokeRun{run("shop/b", earlier, 0), run("shop/c", later, 1)}, 0, 1},
		"one of two tests of a workload": {[]*smokeRun{run("shop/b", later, 0), run("shop/b", later, 1)}, 0, 1},
	} {
		s := &smokeTests{runs: map[smokeKey]*smokeRun{{watch: "mine"}: mine}}
		for i, r := range c.runs {
			s.runs[smokeKey{watch: string(rune('a' + i))}] = r
		}
		if passed, failed := s.others(mine); passed != c.passed || failed != c.failed {
			t.Errorf("%s: %d passed and %d failed, want %d and %d", name, passed, failed, c.passed, c.failed)
		}
	}
}

// TestPodsThatCrashAreRolledBackFor: the cache tells of them, and a live read must agree.
func TestPodsThatCrashAreRolledBackFor(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		crash := rollback.PodState{Owner: "rs-v2", BackingOff: true, Restarts: 4}
		lag := w.live
		lag.Pods = []rollback.PodState{crash, crash}
		w.lag = &lag
		p := w.run(func(o *Options) {
			o.Policies[0].Signals = append(o.Policies[0].Signals, analyzer.Signal{
				Name: "rollout", Kind: analyzer.KindRollout, Health: analyzer.Health{Failing: 20 * time.Second}, Rule: analyzer.Sustained{For: time.Minute},
			})
		})
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Regressed)
		time.Sleep(20 * time.Second)
		require.Empty(t, w.patches, "by a live read no pod crashes")

		w.mu.Lock()
		w.live.Pods, w.lag = lag.Pods, nil
		w.mu.Unlock()
		w.await(p, RolledBack)
		require.Len(t, w.patches, 1)
	})
}
