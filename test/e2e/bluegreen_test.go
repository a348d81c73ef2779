package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// pair is a service in two colours that a test deploys.
type pair struct {
	sampleapp.BlueGreen
	t *testing.T
	w *world
}

// newPair deploys v1 in both colours, with the traffic on blue, and lets it serve long enough to be a baseline.
func newPair(t *testing.T, w *world) *pair {
	t.Helper()
	p := &pair{t: t, w: w}
	p.App = sampleapp.App{Client: w.client, Namespace: namespaceOf(t), Name: "checkout", Replicas: 3, RPS: 60}
	require.NoError(t, p.Create(t.Context(), "v1", sampleapp.Behaviour{}))
	t.Cleanup(func() {
		ctx, cancel := toTidyUp(t)
		defer cancel()
		if err := p.Delete(ctx); err != nil {
			t.Error(err)
		}
	})
	(&service{App: p.App, t: t, w: w}).awaitBaseline()
	return p
}

// deployGreen rolls a version out to green, where nobody sees it, and then switches the traffic to it.
func (p *pair) deployGreen(version string, b sampleapp.Behaviour) {
	p.t.Helper()
	green := p.Side(sampleapp.Green)
	require.NoError(p.t, green.Deploy(p.t.Context(), version, b))
	require.NoError(p.t, green.AwaitRollout(p.t.Context()))
	require.NoError(p.t, p.Switch(p.t.Context(), sampleapp.Green))
}

func (p *pair) announcement(d *daemon, id, version string) event.Event {
	return event.Event{
		ID: id, Timestamp: time.Now().UTC(), Environment: d.Environment, Namespace: p.Namespace,
		Workload: p.Side(sampleapp.Green).Workload(), Version: version, Strategy: event.StrategyBlueGreen,
		Service: p.Name, SelectorKey: sampleapp.ColourLabel, From: sampleapp.Blue, To: sampleapp.Green,
	}
}

func (p *pair) announce(d *daemon, e event.Event) {
	p.t.Helper()
	document, err := json.Marshal(e)
	require.NoError(p.t, err)
	publish(p.t, d, e.Target().Subject(), document)
}

func (p *pair) requireColour(colour string) {
	p.t.Helper()
	live, err := p.LiveColour(p.t.Context())
	require.NoError(p.t, err)
	require.Equal(p.t, colour, live, "the colour that the Service selects")
}

// switches are the changes that rollbackd made to the Service.
func (p *pair) switches() []localstack.AuditEvent {
	p.t.Helper()
	events, err := p.w.stack.Audit(p.t.Context(), localstack.AuditQuery{
		Verb: "patch", Resource: "services", Namespace: p.Namespace, Name: p.Name, User: daemonUser(p.Namespace),
	})
	require.NoError(p.t, err)
	return landed(events)
}

// TestBadSwitchIsSwitchedBack: blue-green. The version in green is far over its latency objective; the traffic goes
// back to blue, once, and green is left as it is.
func TestBadSwitchIsSwitchedBack(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	p := newPair(t, w)

	p.deployGreen("v2", sampleapp.Behaviour{Latency: 800 * time.Millisecond})
	p.announce(d, p.announcement(d, "switch", "v2"))
	v := d.awaitState("switch", 90*time.Second, watch.RolledBack)

	p.requireColour(sampleapp.Blue)
	require.Len(t, p.switches(), 1)
	live, err := p.Side(sampleapp.Green).LiveVersion(t.Context())
	require.NoError(t, err)
	require.Equal(t, "v2", live, "green is left as it is")
	requireTimelineOf(t, d, v, "P95 latency breach detected")
}

// TestGoodSwitchIsLeftAlone: a blue-green deployment of a good version is watched to its end and never touched.
func TestGoodSwitchIsLeftAlone(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, toItsEnd)
	p := newPair(t, w)

	p.deployGreen("v2", sampleapp.Behaviour{})
	p.announce(d, p.announcement(d, "good-switch", "v2"))
	d.awaitState("good-switch", 90*time.Second, watch.Healthy)

	p.requireColour(sampleapp.Green)
	require.Empty(t, p.switches())
}

// TestSwitchThatMayNotBeNamedIsRefused: a publisher may name only the Service that its workload is behind.
func TestSwitchThatMayNotBeNamedIsRefused(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	p := newPair(t, w)
	s := &service{App: p.App, t: t, w: w}
	s.Name = p.Side(sampleapp.Green).Workload()
	next := rejections(t, d, s)
	p.deployGreen("v2", sampleapp.Behaviour{})

	for id, change := range map[string]func(*event.Event){
		"no-such-key":    func(e *event.Event) { e.SelectorKey = "tier" },
		"no-such-colour": func(e *event.Event) { e.From = "purple" },
		"not-this-one":   func(e *event.Event) { e.To = "purple" },
	} {
		e := p.announcement(d, id, "v2")
		change(&e)
		p.announce(d, e)
		v := d.awaitState(id, 20*time.Second, watch.Inconclusive)
		require.Contains(t, v.Reason, "not watched")
		n := next()
		require.Equal(t, event.CodeUnauthorised, n.Code, "%s: %+v", id, n)
	}
	require.Empty(t, p.switches())
}

// TestSlowReleaseIsRolledBack: P95 against the SLO, for a rolling update.
func TestSlowReleaseIsRolledBack(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := newService(t, w)

	s.deploy("v2", sampleapp.Behaviour{Latency: 800 * time.Millisecond})
	s.announce(d, "slow", "v2")
	v := d.awaitState("slow", 90*time.Second, watch.RolledBack)

	s.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
	requireTimelineOf(t, d, v, "P95 latency breach detected")
}
