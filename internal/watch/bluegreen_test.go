package watch

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// colours is a cluster in which every Service has just been switched from shop/checkout-blue v1 to shop/checkout v2.
type colours struct {
	clusterOf
	// back are the Services that were switched back, patched those that the daemon patched.
	back    map[string]bool
	patched []string
	// oldVersion and oldReady are what the old colour runs now.
	oldVersion string
	oldReady   int32
	// oldReplicas is how many it is to have.
	oldReplicas int32
}

func newColours(w *world) *colours {
	w.live = clusterShows("v2+green")
	w.live.Revisions = w.live.Revisions[:1]
	w.live.Revisions[0].Template = podTemplate("v2+green")
	w.live.Revisions[0].FirstPodAt = w.t0.Add(-time.Minute)
	w.live.Live = &w.live.Revisions[0]
	return &colours{clusterOf: clusterOf{w}, back: map[string]bool{}, oldVersion: "v1+blue", oldReady: 2, oldReplicas: 2}
}

// on has a process work on the colours; the cache shows nothing, so that all is read live.
func (c *colours) on(o *Options) { o.Cluster, o.Cache = c, noCache{cacheOf{c.world}} }

type noCache struct{ cacheOf }

func (noCache) Cached(rollback.Workload, *rollback.Switch) (rollback.Snapshot, bool) {
	return rollback.Snapshot{}, false
}

// change changes the cluster under the daemon.
func (c *colours) change(edit func(c *colours)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	edit(c)
}

func (c *colours) Read(ctx context.Context, wl rollback.Workload, sw *rollback.Switch) (rollback.Snapshot, error) {
	s, err := c.clusterOf.Read(ctx, wl, nil)
	if err != nil || sw == nil {
		return s, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := clusterShows(c.oldVersion)
	old.Workload.Name, old.UID = "checkout-blue", "uid-blue"
	old.Revisions = []rollback.Revision{revisionOf("v1", "1", c.t0.Add(-time.Hour))}
	old.Revisions[0].Template = podTemplate(c.oldVersion)
	old.Live, old.Replicas = &old.Revisions[0], c.oldReplicas
	live := sw.To
	if c.back[sw.Service] {
		live = sw.From
	}
	s.Switch = &rollback.SwitchState{
		Switch: *sw, ServiceUID: "uid-" + sw.Service, ResourceVersion: "1", Selector: map[string]string{"app": "checkout", sw.SelectorKey: live},
		SwitchedAt: c.t0, NewReady: 2, OldReady: c.oldReady, Old: []rollback.Snapshot{old},
	}
	return s, nil
}

func (c *colours) Apply(ctx context.Context, p rollback.Plan, _ string) (rollback.Result, string, error) {
	err := c.call(ctx, "cluster.apply", func() error {
		c.patched = append(c.patched, p.Switch.Service)
		c.back[p.Switch.Service] = true
		return nil
	})
	return rollback.Landed, "said the fake", err
}

func (c *colours) Landed(ctx context.Context, p rollback.Plan, _ string) (landed bool, err error) {
	err = c.call(ctx, "cluster.landed", func() error {
		landed = c.back[p.Switch.Service] && slices.Contains(c.patched, p.Switch.Service)
		return nil
	})
	return landed, err
}

// switchOf is the event of the switch of a Service to v2.
func (w *world) switchOf(service string) Published {
	return w.document(`"d1"`, `"`+service+`"`, `"version"`,
		`"strategy":"blue-green","service":"`+service+`","selectorKey":"note","from":"blue","to":"green","version"`)
}

// outcomes are the journalled results of the intents.
func (w *world) outcomes() []rollback.Result {
	var out []rollback.Result
	for _, e := range w.entries() {
		if e.Kind == incident.KindOutcome {
			out = append(out, e.Outcome.Result)
		}
	}
	return out
}

// While an intent to switch back waits, for a call that failed or over a restart, the cluster goes on: where the plan
// would be refused by now, the Service is left alone.
func TestASwitchBackWhosePlanNoLongerHolds(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*colours)
		ends   State
		reason string
		result rollback.Result
	}{
		"the old colour is scaled down":     {func(c *colours) { c.oldReady = 0 }, Held, "ready to take the traffic", rollback.Failed},
		"the old colour runs something new": {func(c *colours) { c.oldVersion = "v0+blue" }, Held, "not those of", rollback.Failed},
		"somebody else switched it back":    {func(c *colours) { c.back["web"] = true }, Superseded, "already has", rollback.Superseded},
		"another version is in the new one": {func(c *colours) { c.live.Template = podTemplate("v3+green") }, Superseded, "was judged", rollback.Superseded},
	} {
		for _, restart := range []time.Duration{0, time.Second, 45 * time.Second} {
			t.Run(name+"/restart after "+restart.String(), func(t *testing.T) {
				inBubble(t, func(t *testing.T, w *world) {
					c := newColours(w)
					p := w.run(c.on)
					require.NoError(t, p.Accept(t.Context(), w.switchOf("web")))
					failed := make(chan struct{}, 1)
					w.failing(func(call string, _ bool) error {
						if call != "cluster.apply" {
							return nil
						}
						select {
						case failed <- struct{}{}:
						default:
						}
						return errDown
					})
					w.await(p, RollingBack)
					<-failed // a try that has looked at the plan, and has not patched yet, would not see the change
					if restart > 0 {
						p.stop()
						time.Sleep(restart)
					}
					c.change(tc.change)
					w.failing(nil)
					if restart > 0 {
						p = w.run(c.on)
					}
					v := w.await(p, tc.ends)
					require.Contains(t, v.Reason, tc.reason)
					require.Empty(t, c.patched)
					require.Equal(t, []rollback.Result{tc.result}, w.outcomes())
				})
			})
		}
	}
}

// A switch back whose answer was lost has landed, whatever the old colour looks like by now.
func TestASwitchBackThatHasLandedIsFound(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		c := newColours(w)
		p := w.run(c.on)
		require.NoError(t, p.Accept(t.Context(), w.switchOf("web")))
		w.failing(func(call string, done bool) error {
			if call == "cluster.apply" && done {
				return errDown
			}
			return nil
		})
		w.await(p, RollingBack)
		c.change(func(c *colours) { c.oldReady = 0 })
		w.await(p, Verifying)
		require.Equal(t, []string{"web"}, c.patched)
	})
}

// Of a release most of whose requests are slow, and none failed, one ready pod of the old colour is not enough to take
// the traffic.
func TestASlowReleaseDoesNotFailMostly(t *testing.T) {
	w := Watch{}
	slow := analyzer.Assessment{Signal: "latency", Kind: analyzer.KindLatency, Outcome: analyzer.OutcomeBreach, Verdict: analyzer.Regressed, Value: 0.6}
	w.judgement = analyzer.Judgement{Verdict: analyzer.Regressed, Signals: []analyzer.Assessment{
		{Signal: "errors", Kind: analyzer.KindErrorRate, Outcome: analyzer.OutcomeOK}, slow,
	}}
	require.False(t, w.failsMostly())
	w.judgement.Signals[0].Value = 0.6
	require.True(t, w.failsMostly())
}

// A bad release was switched in behind two Services, and announced once for each: both are switched back.
func TestAReleaseBehindTwoServices(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		c := newColours(w)
		p := w.run(c.on)
		for _, service := range []string{"web", "api"} {
			require.NoError(t, p.Accept(t.Context(), w.switchOf(service)))
			time.Sleep(2 * time.Second)
		}
		settle(3 * time.Minute)
		require.ElementsMatch(t, []string{"web", "api"}, c.patched)
		for _, v := range p.Watches() {
			require.Equal(t, RolledBack, v.State, "%s: %s", v.Event.Service, v.Reason)
		}
	})
}

// Which of two events about the same release makes a watch of its own, and whether that ends the other.
func TestTwoEventsOfOneRelease(t *testing.T) {
	rolling := func(w *world) Published { return w.document(`"d1"`, `"rolling"`) }
	switched := func(service, id string) func(*world) Published {
		return func(w *world) Published {
			m := w.switchOf(service)
			return Published{Subject: m.Subject, Seq: m.Seq, Data: bytes.Replace(m.Data, []byte(`"id":"`+service+`"`), []byte(`"id":"`+id+`"`), 1)}
		}
	}
	for name, tc := range map[string]struct {
		first, second func(*world) Published
		states        [2]State
	}{
		"the same switch again":           {switched("web", "a"), switched("web", "b"), [2]State{Watching, Superseded}},
		"behind another Service":          {switched("web", "a"), switched("api", "b"), [2]State{Watching, Watching}},
		"the switch after the rollout":    {rolling, switched("web", "b"), [2]State{Superseded, Watching}},
		"the rollout, told of too late":   {switched("web", "a"), rolling, [2]State{Watching, Superseded}},
		"the rollout is announced again ": {rolling, func(w *world) Published { return w.document() }, [2]State{Watching, Superseded}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.errorsIn = 1
				p := w.run(newColours(w).on)
				require.NoError(t, p.Accept(t.Context(), tc.first(w)))
				time.Sleep(2 * time.Second)
				require.NoError(t, p.Accept(t.Context(), tc.second(w)))
				time.Sleep(20 * time.Second)
				all := p.Watches()
				require.Equal(t, tc.states, [2]State{all[1].State, all[0].State}, "%s; %s", all[1].Reason, all[0].Reason)
			})
		})
	}
}

// After a switch that was watched and found healthy, the way back of a person's order is still the other colour.
func TestAnOrderAfterASwitchGoesBackToTheOtherColour(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		c := newColours(w)
		p := w.run(c.on)
		require.NoError(t, p.Accept(t.Context(), w.switchOf("web")))
		w.await(p, Healthy)
		preview := w.asks(p, control.Rollback, control.Request{DryRun: true})
		require.True(t, preview.OK, preview.Message)
		require.Contains(t, preview.Message, "Service shop/web")
		require.Empty(t, c.patched)
		reply := w.asks(p, control.Rollback, control.Request{ID: "r1"})
		require.True(t, reply.OK, reply.Message)
		for range 100 {
			if v, _ := p.Get(reply.Watch); v.State.Final() {
				break
			}
			time.Sleep(10 * time.Second)
		}
		require.Equal(t, []string{"web"}, c.patched)

		// What was switched back since by somebody else is no switch any more.
		e, _, err := p.asSwitched(t.Context(), event.Event{Environment: "production", Namespace: "shop", Workload: "checkout"}, w.live)
		require.NoError(t, err)
		require.Empty(t, e.Strategy)
	})
}
