package watch

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// start is when every story begins: the event is accepted and the first pod of the release is created.
var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// story drives Next by hand and checks after every step what must hold for all of them.
type story struct {
	t        *testing.T
	accepted Watch
	watch    Watch
	// restarted is the fold of the journal: the watch as another process would find it.
	restarted Watch
	journal   []incident.Entry
	want      effect
	now       time.Time
}

func newStory(t *testing.T, edits ...func(*Watch)) *story {
	w := newTestWatch(edits...)
	return &story{t: t, accepted: w, watch: w.accepted(), restarted: w.accepted(), now: start}
}

// newTestWatch is a watch of shop/checkout v2 that was just accepted.
func newTestWatch(edits ...func(*Watch)) Watch {
	w := Watch{
		Format: recordFormat, Key: "production.shop.k", Subject: "deployments.production.shop.checkout", StreamSeq: 7,
		Event: testEvent(), Policy: testPolicy(), AcceptedAt: start, State: Pending, Since: start,
	}
	w.Document = w.Event.Raw
	for _, edit := range edits {
		edit(&w)
	}
	return w
}

func testEvent() event.Event {
	e, err := event.Decode("deployments.production.shop.checkout", []byte(`{"id":"d1","timestamp":"2026-11-22T10:00:00Z",`+
		`"environment":"production","namespace":"shop","workload":"checkout","version":"v2","status":"started"}`))
	if err != nil {
		panic(err)
	}
	return e
}

// testPolicy acts after 20 s of breach; its stages are minutes long.
func testPolicy() Policy {
	return Policy{
		Name: "http",
		Stages: []Stage{
			{Name: "active", Until: time.Minute, Interval: 5 * time.Second, Mode: Automatic},
			{Name: "on-call", Until: 2 * time.Minute, Interval: 5 * time.Second, Mode: Automatic},
			{Name: "enhanced", Until: 3 * time.Minute, Interval: 10 * time.Second, Mode: Observe},
		},
		Signals: []analyzer.Signal{{
			Name: "errors", Kind: analyzer.KindErrorRate, Requests: "http_requests_total", Errors: `http_requests_total{code=~"5.."}`,
			Labels: analyzer.Labels{Namespace: "namespace", Pod: "pod"}, Scrape: 5 * time.Second,
			Rule: analyzer.Sustained{Relative: 0.1, Absolute: 0.001, Window: 10 * time.Second, For: 20 * time.Second, MinRequests: 100},
			// How evidence is weighed is the judge's matter; here a verdict must come at a known tick.
			Strict: true,
		}},
		BaselineWindow: 10 * time.Minute, MinServing: 15 * time.Minute, SettleFor: 5 * time.Minute,
		Verify: Verify{For: 20 * time.Second, Deadline: 2 * time.Minute},
	}
}

// feed gives one input and checks everything that holds at all times.
func (s *story) feed(in input, now time.Time) []incident.Entry {
	s.t.Helper()
	before := s.watch
	after, entries, want := Next(before, in, "rollbackd/test", now)
	state := before.State
	for _, e := range entries {
		actor := "rollbackd/test"
		if e.Kind == incident.KindControl {
			actor = "ana"
		}
		require.Equal(s.t, []any{incident.EntryVersion, before.Key, actor, now}, []any{e.Version, e.Watch, e.Actor, e.At})
		if e.Kind == incident.KindState {
			require.Equal(s.t, string(state), e.State.From, "a change starts from the state that the watch is in")
			require.True(s.t, state.CanBecome(State(e.State.To)), "%s -> %s", state, e.State.To)
			state = State(e.State.To)
			require.Equal(s.t, state.Final(), e.State.Final)
			require.NotEmpty(s.t, e.State.Reason)
		}
	}
	if before.State.Final() {
		require.Empty(s.t, entries, "a final watch says nothing")
	}
	if after.State.Final() {
		require.Equal(s.t, effectNone, want, "a final watch wants nothing")
	}
	s.watch, s.want, s.now = after, want, now
	for _, e := range roundTrip(s.t, entries) {
		s.journal = append(s.journal, e)
		s.restarted = s.restarted.apply(e)
	}
	s.sameAfterRestart()
	return entries
}

// roundTrip returns the entries as a restarted process reads them.
func roundTrip(t *testing.T, entries []incident.Entry) []incident.Entry {
	t.Helper()
	out := make([]incident.Entry, len(entries))
	for i, e := range entries {
		data, err := json.Marshal(e)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &out[i]))
	}
	return out
}

// killed restarts the story from its journal without the last entries, which were not stored.
func (s *story) killed(lost int) {
	s.journal = s.journal[:len(s.journal)-lost]
	s.restarted = s.accepted.accepted()
	for _, e := range s.journal {
		s.restarted = s.restarted.apply(e)
	}
	s.watch = s.restarted
	s.want = s.watch.wanted(s.now)
}

// sameAfterRestart checks that the journal alone makes the same watch. Only that an intent was looked up is
// forgotten: it is looked up again.
func (s *story) sameAfterRestart() {
	s.t.Helper()
	if diff := diffWatches(s.watch, s.restarted); diff != "" {
		s.t.Fatalf("a restart would find another watch (-live +restarted):\n%s", diff)
	}
}

func diffWatches(live, restarted Watch) string {
	live.lookedUp, restarted.lookedUp = false, false
	live.stuck, restarted.stuck = "", ""
	live.pauseRefused, live.resumeTried = restarted.pauseRefused, restarted.resumeTried
	if reflect.DeepEqual(live, restarted) {
		return ""
	}
	return cmp.Diff(live, restarted, cmpopts.EquateEmpty(), cmp.Exporter(func(reflect.Type) bool { return true }))
}

// summary writes entries compactly: ticks are counted, a change of state is ">State".
func summary(entries []incident.Entry) string {
	var words []string
	for i := 0; i < len(entries); i++ {
		word := describe(entries[i])
		n := 1
		for ; i+1 < len(entries) && describe(entries[i+1]) == word; i++ {
			n++
		}
		if n > 1 {
			word = fmt.Sprintf("%s*%d", word, n)
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, " ")
}

func describe(e incident.Entry) string {
	switch e.Kind {
	case incident.KindState:
		return ">" + e.State.To
	case incident.KindVerdict:
		return string(e.Verdict.Verdict)
	case incident.KindOutcome:
		return "outcome=" + string(e.Outcome.Result)
	case incident.KindRefusal:
		return "refusal=" + string(e.Refusal.Code)
	case incident.KindStep:
		return fmt.Sprintf("step=%d/look=%d", e.Step.Percent, e.Step.Look)
	case incident.KindPaused:
		return "paused=" + string(e.Paused.Result)
	case incident.KindResumed:
		return "resumed=" + string(e.Resumed.Result)
	case incident.KindControl:
		return "control=" + string(e.Control.Verb)
	}
	return string(e.Kind)
}

// template is the pod template of a version; "v2+note" differs from "v2" by a label only.
func podTemplate(version string) json.RawMessage {
	version, note, _ := strings.Cut(version, "+")
	return json.RawMessage(fmt.Sprintf(
		`{"metadata":{"labels":{"app":"checkout","note":%q}},"spec":{"containers":[{"image":"shop/checkout:%s","name":"app"}]}}`, note, version))
}

func revisionOf(version, number string, created time.Time) rollback.Revision {
	return rollback.Revision{
		ReplicaSet: "checkout-" + version, UID: "rs-" + version, Hash: "hash-" + version, Number: number,
		Template: podTemplate(version), Version: version, CreatedAt: created, FirstPodAt: created, Replicas: 2, Ready: 2,
		PodPrefix: "checkout-" + version + "-",
	}
}

// cluster shows the workload running a version, with v1 and v2 as its history. The version may carry "+note" (another
// label), and flags: "rolling" (not complete), "recreated", "alone" (without history), "unsettled", "paused",
// "stuck" (a pod cannot start), "restarted" (another ReplicaSet of the same containers).
func clusterShows(version string, flags ...string) rollback.Snapshot {
	s := rollback.Snapshot{
		Workload: rollback.Workload{Namespace: "shop", Name: "checkout"}, UID: "uid", Generation: 2, ObservedGeneration: 2,
		Revision: "2", Annotations: map[string]string{"a": "b"}, Template: podTemplate(version), Replicas: 2,
		Status:    rollback.Status{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2},
		Revisions: []rollback.Revision{revisionOf("v2", "2", start), revisionOf("v1", "1", start.Add(-time.Hour))},
	}
	name, _, _ := strings.Cut(version, "+")
	for i := range s.Revisions {
		if s.Revisions[i].Version == name {
			s.Live = &s.Revisions[i]
		}
	}
	for _, flag := range flags {
		switch flag {
		case "rolling":
			s.Status.UpdatedReplicas = 1
		case "recreated":
			s.UID = "another"
		case "alone":
			s.Revisions = s.Revisions[:1]
		case "unsettled":
			s.ObservedGeneration = 1
		case "stuck":
			s.Status.UpdatedReplicas = 1
			s.Pods = []rollback.PodState{{Name: "checkout-v1-a", Owner: s.Live.UID, Unstartable: `configmap "conf" not found`}}
		case "paused":
			s.Paused = true
		case "ourpause":
			s.Paused, s.OwnPause = true, &rollback.PauseMark{ID: "p"}
		case "restarted":
			r := revisionOf(name, "3", start.Add(10*time.Second))
			r.ReplicaSet, r.UID, r.Hash, r.PodPrefix = r.ReplicaSet+"b", r.UID+"b", r.Hash+"b", "checkout-"+name+"b-"
			r.Template = podTemplate(name + "+note")
			s.Template, s.Revision, s.Revisions = r.Template, "3", append([]rollback.Revision{r}, s.Revisions...)
			s.Live = &s.Revisions[0]
		default:
			panic("no flag " + flag)
		}
	}
	return s
}

// measurementOf is one signal's measurement of a tick: bad is 20 % of errors, good 1 % (as the baseline), few one
// request, none no sample, error no answer.
func measurementOf(kind string) analyzer.Measurement {
	pods := func(n, k uint64) analyzer.Measurement {
		return analyzer.Measurement{Samples: 4, Pods: map[string]analyzer.Counts{"checkout-v2-a": {N: n, K: k}}}
	}
	switch kind {
	case "bad":
		return pods(100, 20)
	case "worse":
		return pods(100, 4)
	case "good":
		return pods(100, 1)
	case "few":
		return pods(1, 0)
	case "none":
		return analyzer.Measurement{}
	case "error":
		return analyzer.Measurement{Error: "bad_data"}
	}
	panic("no measurement " + kind)
}

func tickOf(kind string, from, at time.Time) analyzer.Tick {
	return analyzer.Tick{From: from, At: at, Signals: map[string]analyzer.Measurement{"errors": measurementOf(kind)}}
}

func baselinesOf(n, k uint64) []analyzer.Baseline {
	return []analyzer.Baseline{{Signal: "errors", From: start.Add(-10 * time.Minute), To: start, Counts: analyzer.Counts{N: n, K: k}}}
}
