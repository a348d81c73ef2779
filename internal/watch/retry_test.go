package watch

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// forbids is an answer of the API server.
func forbids(what string) error {
	return fmt.Errorf("unable to read it: %w", &apierrors.StatusError{ErrStatus: metav1.Status{
		Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: what + " is forbidden",
	}})
}

// TestRetryBacksOffAndIsToldOnce: the pause doubles up to its bound; a reason is told when it is another one, and every ten minutes.
func TestRetryBacksOffAndIsToldOnce(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	pods, events := forbids("pods"), forbids("events")
	var r retry
	for i, step := range []struct {
		err   error
		after time.Duration
		pause time.Duration
		told  bool
	}{
		{pods, 0, time.Second, true},
		{pods, time.Second, 2 * time.Second, false},
		{pods, 2 * time.Second, 4 * time.Second, false},
		{events, 4 * time.Second, 8 * time.Second, true},
		{events, 8 * time.Second, maxPause, false},
		{events, maxPause, maxPause, false},
		{pods, maxPause, maxPause, true},
		{pods, tellAgain - time.Second, maxPause, false},
		{pods, time.Second, maxPause, true},
		{errors.New("no answer"), time.Second, maxPause, true},
	} {
		now = now.Add(step.after)
		var told bool
		r, told = r.failed(effectPlan, step.err, now)
		require.Equal(t, step.told, told, i)
		require.Equal(t, step.pause, r.pause, i)
		require.Equal(t, now.Add(step.pause), r.at, i)
		require.Equal(t, step.err == pods || step.err == events, r.rests(now), i)
		require.False(t, r.rests(r.at), i)
	}
}

// TestWhatIsForbiddenWaitsForNoTick: other failures are tried again as soon as there is something new, and so is what a person asks for.
func TestWhatIsForbiddenWaitsForNoTick(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	forbidden, _ := retry{}.failed(effectPlan, forbids("pods"), now)
	unanswered, _ := retry{}.failed(effectPlan, errors.New("no answer"), now)
	for _, tc := range []struct {
		name       string
		r          retry
		want       effect
		in         input
		progressed bool
		after      time.Duration
		due        bool
	}{
		{"a tick, forbidden", forbidden, effectPlan, measured{}, true, 0, false},
		{"a tick, later", forbidden, effectPlan, measured{}, true, time.Second, true},
		{"a tick, no answer", unanswered, effectPlan, measured{}, true, 0, true},
		{"a tick, of another effect", forbidden, effectObserve, measured{}, true, 0, true},
		{"a person", forbidden, effectPlan, asked{}, true, 0, true},
		{"nothing new", forbidden, effectPlan, clock{}, false, 0, false},
		{"nothing new, later", unanswered, effectPlan, clock{}, false, time.Second, true},
	} {
		require.Equal(t, tc.due, tc.r.due(tc.want, tc.in, tc.progressed, now.Add(tc.after)), tc.name)
	}
}

// TestAPlanThatIsForbidden is made more and more seldom however often the signals are measured, is warned of once, and ends the watch as Held with the
// API server's words; once it is granted, the release is rolled back.
func TestAPlanThatIsForbidden(t *testing.T) {
	for name, granted := range map[string]bool{"for good": false, "until it is granted": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				core, logs := observer.New(zap.DebugLevel)
				var asked atomic.Int64 // the test reads it while the daemon asks on
				w.failing(func(call string, done bool) error {
					if call == "cluster.inspect" && !done {
						asked.Add(1)
						return forbids("configmaps")
					}
					return nil
				})
				p := w.run(func(o *Options) {
					o.Log = zap.New(core)
					for i := range o.Policies[0].Stages {
						o.Policies[0].Stages[i].Mode = Automatic
					}
				})
				require.NoError(t, p.Accept(t.Context(), w.document()))
				w.await(p, Regressed)
				time.Sleep(time.Minute)
				require.InDelta(t, 7, int(asked.Load()), 2, "after 1, 2, 4, 8 s and then every 15 s")
				said := logs.FilterMessage("could not plan; trying again")
				require.EqualValues(t, asked.Load(), said.Len())
				require.Len(t, said.FilterLevelExact(zap.WarnLevel).All(), 1)
				if granted {
					w.failing(nil)
					time.Sleep(maxPause + minPause)
					require.Len(t, w.patched(), 1)
					return
				}
				require.Contains(t, w.await(p, Held).Reason, "within 2m0s: unable to read it: configmaps is forbidden")
			})
		})
	}
}

// TestAWorkloadThatMayNotBeReadAnyMore, for longer than a version may take to settle: it is looked at seldom and warned of once, and that nobody can see
// the rollout of the known-good version does not mean that it is not complete.
func TestAWorkloadThatMayNotBeReadAnyMore(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		core, logs := observer.New(zap.WarnLevel)
		var asked atomic.Int64 // the test reads it while the daemon asks on
		w.failing(func(call string, done bool) error {
			if call == "cluster.read" && !done && len(w.patched()) > 0 {
				asked.Add(1)
				return forbids("deployments.apps")
			}
			return nil
		})
		p := w.run(func(o *Options) {
			o.Cache, o.Log = noCache{cacheOf{w}}, zap.New(core)
			o.Policies[0].SettleFor = 20 * time.Second
		})
		require.NoError(t, p.Accept(t.Context(), w.document()))
		ended := w.await(p, RolledBackUnverified)
		require.Contains(t, ended.Reason, "could not be seen within 2m0s: unable to read it: deployments.apps is forbidden")
		require.Less(t, asked.Load(), int64(20))
		require.Equal(t, 1, logs.FilterMessage("could not read the workload").Len())
	})
}
