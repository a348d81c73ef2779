package watch

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// asCanary shows a workload as the canary of shop/checkout, which runs v1 in three ready pods.
func asCanary(s rollback.Snapshot, c rollback.Canary) rollback.Snapshot {
	s.Workload.Name = "checkout-canary"
	s.Pods = nil
	for range s.Replicas {
		s.Pods = append(s.Pods, rollback.PodState{Owner: "rs-v2", Ready: true})
	}
	stable := clusterShows("v1")
	stable.UID, stable.Revisions = "uid-stable", []rollback.Revision{revisionOf("v1", "1", start.Add(-time.Hour))}
	stable.Live = &stable.Revisions[0]
	stable.Live.UID, stable.Live.ReplicaSet, stable.Live.PodPrefix = "rs-stable", "checkout-stable", "checkout-stable-"
	for range 3 {
		stable.Pods = append(stable.Pods, rollback.PodState{Owner: "rs-stable", Ready: true})
	}
	s.Canary = &rollback.CanaryState{Canary: c, Stable: &stable, Services: []string{"checkout"}}
	return s
}

// shows is how the cluster shows the watch's workload. A canary has flags of its own: "scaled" (to zero), "promoted",
// "foreign" (shares no Service), "bare" (the stable workload has no ready pods), and "autoscaled".
func (s *story) shows(version string, flags ...string) rollback.Snapshot {
	c := s.watch.canary()
	if c == nil {
		return clusterShows(version, flags...)
	}
	shown := asCanary(clusterShows(version), *c)
	for _, flag := range flags {
		switch flag {
		case "scaled":
			shown.Replicas, shown.Status, shown.Pods = 0, rollback.Status{ObservedGeneration: 2}, nil
		case "promoted":
			shown.Canary.Stable.Template = podTemplate("v2")
		case "foreign":
			shown.Canary.Services = nil
		case "bare":
			shown.Canary.Stable.Pods = nil
		case "autoscaled":
			shown.Canary.Scalers = []string{"HorizontalPodAutoscaler shop/x"}
		default:
			s.t.Fatalf("no flag %s", flag)
		}
	}
	return shown
}

func canaryEvent(step int, extra string) event.Event {
	document := fmt.Sprintf(`{"id":"d1","timestamp":"2026-11-22T10:00:00Z","environment":"production","namespace":"shop",`+
		`"workload":"checkout","version":"v2","strategy":"canary","canary":"checkout-canary"%s}`, extra)
	if step > 0 {
		document = document[:len(document)-1] + fmt.Sprintf(`,"step":%d}`, step)
	}
	e, err := event.Decode("deployments.production.shop.checkout", []byte(document))
	if err != nil {
		panic(err)
	}
	return e
}

// onTrial makes a watch that of a canary of 5 %, whose steps are one and two minutes long.
func onTrial(w *Watch) {
	w.Event = canaryEvent(5, "")
	w.Document = w.Event.Raw
	w.Policy.Canary.Steps = []CanaryStep{{UpTo: 25, Watch: time.Minute}, {UpTo: 100, Watch: 2 * time.Minute}}
}

func (s *story) stepTo(percent string) input {
	var n int
	require.NoError(s.t, json.Unmarshal([]byte(percent), &n))
	e := canaryEvent(n, "")
	return stepped{event: e, accepted: incident.Accepted{Subject: s.watch.Subject, StreamSeq: 8, Event: e.Raw, Policy: "http"}}
}

func TestStoriesOfCanaries(t *testing.T) {
	undone := func(w *Watch) { onTrial(w); w.Policy.Canary.Undo = true }
	for name, tc := range map[string]struct {
		edit   func(*Watch)
		script string
		reason string
	}{
		"bad, and scaled to zero": {onTrial, `
			1s   | see v2            | pinned >Watching rollout | Watching baseline
			2s   | baseline 10000    | baseline                 | Watching
			21s  | ticks bad 25s     | tick INSUFFICIENT tick*4    | Watching
			31s  | ticks bad 30s     | tick                     | Watching open-incident
			31s  | incident i1       | REGRESSED >Regressed     | Regressed plan
			32s  | plan v2           | plan intent >RollingBack | RollingBack apply
			33s  | applied landed    | outcome=landed >Verifying | Verifying
			34s  | see v2            | cameBack >RolledBackUnverified | RolledBackUnverified`, "came back"},
		"bad, gone, and the stable one is well": {onTrial, `
			1s   | see v2            | pinned >Watching rollout | Watching baseline
			2s   | baseline 10000    | baseline                 | Watching
			31s  | ticks bad 30s     | tick INSUFFICIENT tick*5    | Watching open-incident
			31s  | incident i1       | REGRESSED >Regressed     | Regressed plan
			32s  | plan v2           | plan intent >RollingBack | RollingBack apply
			33s  | applied landed    | outcome=landed >Verifying | Verifying
			34s  | see v2 scaled     | rollout                  | Verifying
			1m   | ticks good 55s    | tick HEALTHY tick*4 HEALTHY >RolledBack | RolledBack`, "helped"},
		"an autoscaler would bring it back": {onTrial, `
			1s   | see v2            | pinned >Watching rollout | Watching baseline
			2s   | baseline 10000    | baseline                 | Watching
			31s  | ticks bad 30s     | tick INSUFFICIENT tick*5    | Watching open-incident
			31s  | incident i1       | REGRESSED >Regressed     | Regressed plan
			32s  | plan v2 autoscaled | refusal=scaled-by-another >Held | Held`, "HorizontalPodAutoscaler shop/x"},
		"nobody would be left": {onTrial, `
			1s   | see v2            | pinned >Watching rollout | Watching baseline
			2s   | baseline 10000    | baseline                 | Watching
			31s  | ticks bad 30s     | tick INSUFFICIENT tick*5    | Watching open-incident
			31s  | incident i1       | REGRESSED >Regressed     | Regressed plan
			32s  | plan v2 bare      | refusal=target-not-ready >Held | Held`, "0 pods of shop/checkout are ready"},
		"bad, and undone": {undone, `
			1s   | see v2            | pinned >Watching rollout | Watching baseline
			2s   | baseline 10000    | baseline                 | Watching
			31s  | ticks bad 30s     | tick INSUFFICIENT tick*5    | Watching open-incident
			31s  | incident i1       | REGRESSED >Regressed     | Regressed plan
			32s  | plan v2           | plan intent >RollingBack | RollingBack apply
			33s  | applied landed    | outcome=landed >Verifying | Verifying
			34s  | see v1            | rollout                  | Verifying`, "checking"},
		"scaled to zero by its tool": {onTrial, `
			1s   | see v2            | pinned >Watching rollout | Watching baseline
			2s   | see v2 scaled     | >Superseded              | Superseded`, "somebody scaled the canary to zero"},
		"promoted": {onTrial, `
			1s   | see v2            | pinned >Watching rollout | Watching baseline
			2s   | see v2 promoted   | >Superseded              | Superseded`, "promoted: shop/checkout runs v2 too"},
		"may not be named": {onTrial, `
			1s   | see v2 foreign    | >Inconclusive            | Inconclusive`, "no Service selects the pods of both"},
		"healthy through two steps": {onTrial, `
			1s   | see v2            | pinned >Watching rollout | Watching baseline
			2s   | baseline 10000    | baseline                 | Watching
			40s  | ticks good 40s    | tick HEALTHY tick*7 | Watching
			41s  | step 50           | step=50/look=2           | Watching
			1m7s | ticks good 65s   | tick HEALTHY tick*4 | Watching
			2m42s | ticks good 2m40s | tick*19                  | Watching
			2m47s | ticks good 2m45s | tick HEALTHY >Healthy    | Healthy`, "watched for 2m0s"},
		"a step up forgets what was good": {onTrial, `
			1s   | see v2            | pinned >Watching rollout | Watching baseline
			2s   | baseline 10000    | baseline                 | Watching
			55s  | ticks good 55s    | tick HEALTHY tick*10 | Watching
			56s  | step 25           | step=25/look=2           | Watching
			57s  | step 25           | -                        | Watching
			58s  | step 10           | -                        | Watching
			1m31s | ticks bad 1m25s  | tick INSUFFICIENT tick*5    | Watching open-incident
			1m31s | incident i1      | REGRESSED >Regressed     | Regressed plan
			1m32s | step 100         | step=100/look=0          | Regressed plan
			1m33s | plan v2          | plan intent >RollingBack | RollingBack apply`, "scale the canary"},
		"a step before anything was judged is no other look": {onTrial, `
			1s   | step 10           | step=10/look=0           | Pending observe
			2s   | see v2            | pinned >Watching rollout | Watching baseline
			3s   | step 25           | step=25/look=1           | Watching baseline`, "live"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, tc.edit)
			s.play(tc.script)
			require.Contains(t, s.watch.Reason, tc.reason)
		})
	}
}

// All looks at one canary together may be wrong with alpha at the most, however many there are.
func TestTheLooksAtACanaryShareAlpha(t *testing.T) {
	var spent float64
	w := newTestWatch(onTrial)
	for k := range 10000 {
		w.Look = k + 1
		spent += w.policyNow().Alpha
	}
	require.Less(t, spent, analyzer.DefaultAlpha)
	require.Greater(t, spent, 0.99*analyzer.DefaultAlpha)
	w.Look = 0
	require.InDelta(t, analyzer.DefaultAlpha/2, w.policyNow().Alpha, 1e-12)
	require.Equal(t, analyzer.Rules{Signals: testPolicy().Signals}, newTestWatch().policyNow().Rules(), "others have all of it")
}

func TestTheWindowOfAStep(t *testing.T) {
	w := newTestWatch(onTrial)
	ends := func(percent int) []time.Duration {
		var out []time.Duration
		w.Event.Step = percent
		for _, s := range w.policyNow().Stages {
			out = append(out, s.Until)
		}
		return out
	}
	require.Equal(t, []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute}, ends(0), "no step: the policy's own")
	require.Equal(t, []time.Duration{time.Minute}, ends(5))
	require.Equal(t, []time.Duration{time.Minute, 2 * time.Minute}, ends(26))
	w.Policy.Canary.Steps = []CanaryStep{{UpTo: 100, Watch: 90 * time.Second}}
	require.Equal(t, []time.Duration{time.Minute, 90 * time.Second}, ends(100), "a stage is cut short")
	w.Policy.Canary.Steps[0].Watch = time.Hour
	require.Equal(t, []time.Duration{time.Minute, 2 * time.Minute, time.Hour}, ends(100), "the last stage goes on")
	require.Len(t, w.Policy.Stages, 3)
	require.Equal(t, 3*time.Minute, w.Policy.End(), "the policy itself stays as it is")
}

func TestACanaryIsAllowedByItsName(t *testing.T) {
	for pattern, want := range map[string]bool{
		"": false, "{workload}-canary": true, "checkout-*": true, "cart-canary": false, "{workload}": false,
	} {
		w := newTestWatch(onTrial)
		if pattern != "" {
			w.Policy.Canary.Allow = []string{"nothing", pattern}
		}
		require.Equal(t, want, w.canary().Named, pattern)
	}
	require.Nil(t, newTestWatch().canary())
}

// What is measured of a canary are its own pods, beside those of the stable workload, and after a rollback these alone.
func TestWhatIsMeasuredOfACanary(t *testing.T) {
	s := newStory(t, onTrial)
	s.play(`1s | see v2 | pinned >Watching rollout | Watching baseline`)
	sub := s.watch.judged(incident.PhaseWatch)
	require.Equal(t, []string{"checkout-canary", "checkout-canary", "checkout-v2-", "checkout"},
		[]string{sub.Workload, sub.Release.Workload, sub.Release.PodPrefix, sub.Release.Alias})
	require.Equal(t, []string{"checkout", "checkout-stable-"}, []string{sub.Control.Workload, sub.Control.PodPrefix})
	sub = s.watch.judged(incident.PhaseVerify)
	require.Equal(t, []string{"checkout", "checkout-stable-"}, []string{sub.Release.Workload, sub.Release.PodPrefix})
	require.False(t, sub.Release.Undivided || s.watch.release().Undivided, "what cannot be told apart is not taken for one of them")
}

func TestWhatIsCountedByTimeDoesNotJudgeAPart(t *testing.T) {
	p := testPolicy()
	p.Signals = append(p.Signals, analyzer.Signal{Name: "orders", Kind: analyzer.KindBusiness, Events: "orders_total"},
		analyzer.Signal{Name: "conversion", Kind: analyzer.KindBusiness, Events: "orders_total", Requests: "visits_total"})
	left := p.ForCanaries()
	require.Len(t, left.Signals, 2)
	require.Equal(t, "conversion", left.Signals[1].Name)
	require.Len(t, p.Signals, 3)
}

// document of a canary of the world's present version.
func (w *world) canaryOf(id string, step int) Published {
	return w.document(`"d1"`, `"`+id+`"`, `"version"`, fmt.Sprintf(`"strategy":"canary","canary":"checkout-canary","step":%d,"version"`, step))
}

// The events of a canary's steps go to the watch that follows it, by whatever ids they come, and each only once.
func TestEventsOfTheStepsOfACanary(t *testing.T) {
	for name, ids := range map[string][3]string{"of one id": {"a", "a", "a"}, "of ids of their own": {"a", "b", "c"}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.errorsIn = 1
				p := w.run()
				require.NoError(t, p.Accept(t.Context(), w.canaryOf(ids[0], 5)))
				key := w.await(p, Watching).Key
				time.Sleep(30 * time.Second)
				for range 2 {
					require.NoError(t, p.Accept(t.Context(), w.canaryOf(ids[1], 25)))
				}
				time.Sleep(10 * time.Second)
				p.stop()
				p = w.run()
				require.Eventually(t, func() bool { return p.Accept(t.Context(), w.canaryOf(ids[2], 100)) == nil }, time.Minute, time.Second)
				require.NoError(t, p.Accept(t.Context(), w.canaryOf(ids[1], 25)), "an older step again")
				time.Sleep(time.Second)
				all := p.Watches()
				require.Len(t, all, 1)
				require.Equal(t, key, all[0].Key)
				require.Equal(t, 2, count(w.entries(), incident.KindStep))
				require.Equal(t, []int{100, 3}, []int{all[0].View().Step, all[0].Look})
				other := w.canaryOf(ids[1], 25)
				other.Data = []byte(string(other.Data[:len(other.Data)-1]) + `,"operator":"bo"}`)
				require.Equal(t, event.CodeConflict, code(t, p.Accept(t.Context(), other)))
			})
		})
	}
}

// A step that is announced after the watch of the one before has ended is watched anew, and is another look all the same.
func TestAStepAfterTheWatchHasEnded(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.canaryOf("a", 5)))
		w.await(p, Healthy)
		require.NoError(t, p.Accept(t.Context(), w.canaryOf("a", 25)))
		again := w.await(p, Watching)
		require.Equal(t, 2, again.look())
		require.WithinDuration(t, now(), again.begin(), 5*time.Second, "its windows begin with the step")
	})
}

// Whoever sees the canary's Deployment change knows of its watch, and nobody takes it for one of the stable workload.
func TestACanaryIsKnownByItsOwnName(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.canaryOf("a", 5)))
		seen := w.await(p, Watching).shownAs()
		require.Equal(t, "production/shop/checkout-canary", seen.Environment+"/"+seen.Namespace+"/"+seen.Workload)
		l := &lookout{Supervisor: p.Supervisor}
		require.Len(t, l.of(seen), 1)
		require.Empty(t, l.of(w.await(p, Watching).Event.Target()))
	})
}

// A bad canary is scaled to zero, once, and the watch of the stable workload is another matter.
func TestABadCanaryBesideAWatchOfTheStableWorkload(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.canaryOf("a", 5)))
		require.NoError(t, p.Accept(t.Context(), w.document(`"v2"`, `"v1"`)))
		v := w.await(p, RolledBack)
		require.Equal(t, "a", v.Event.ID)
		require.Equal(t, int32(0), w.live.Replicas)
		require.Len(t, w.patches, 1)
		require.Contains(t, v.Reason, "helped")
	})
}
