package watch

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// In any history, whatever comes in and wherever the process is killed: the journal alone makes the same watch, which
// wants the same next; at most one intent is ever carried out; and none is written where the policy or the event
// rules it out. (story.feed checks the table of states at every step.)
func TestAnyHistory(t *testing.T) {
	reached, pauses := map[State]int{}, 0
	for seed := range uint64(600) {
		h := newHistory(t, seed)
		for range 60 {
			h.step()
		}
		reached[h.watch.State]++
		pauses += h.end()
	}
	require.Greater(t, pauses, 20, "hardly any history has a pause")
	for from, to := range transitions() {
		for _, s := range to {
			if s.Final() {
				require.NotZero(t, reached[s], "no history went from %s to %s, so that nothing is shown of it", from, s)
			}
		}
	}
}

// The clock of the machine is put forward and back by up to ten minutes again and again. It may make a watch late or early, but
// nothing of what must hold in any history depends on it.
func TestAnyHistoryOfASteppedClock(t *testing.T) {
	for seed := range uint64(300) {
		h := newHistory(t, seed)
		h.stepped = true
		for range 60 {
			h.step()
		}
		h.end()
	}
}

// history is a story that chance tells.
type history struct {
	*story
	*rand.Rand
	// forbidden: nobody may have an intent written; asks: only a person may.
	forbidden, asks bool
	bad             bool
	carried         map[string]bool
	// inPlace is the pause that the cluster shows, made counts how many were made.
	inPlace string
	made    int
	// stepped has the clock put forward and back.
	stepped bool
}

func newHistory(t *testing.T, seed uint64) *history {
	r := rand.New(rand.NewPCG(seed, 1))
	h := &history{Rand: r, carried: map[string]bool{}, bad: r.IntN(3) > 0}
	h.story = newStory(t, func(w *Watch) {
		w.Policy.PauseAtSuspicion = seed%2 == 0
		switch r.IntN(6) {
		case 0:
			w.Event.SchemaChange, h.forbidden = true, true
		case 1, 2, 3:
			h.asks = true
			for i := range w.Policy.Stages {
				w.Policy.Stages[i].Mode = h.mode()
			}
		case 4:
			onTrial(w)
			w.Policy.Canary.Undo = r.IntN(3) == 0
		}
	})
	return h
}

func (h *history) mode() Mode { return []Mode{Observe, Approve, Approve}[h.IntN(3)] }

func (h *history) step() {
	h.now = h.now.Add(time.Duration(h.IntN(8000)) * time.Millisecond)
	if h.IntN(40) == 0 {
		h.now = h.now.Add(time.Duration(h.IntN(300)) * time.Second)
	}
	if h.stepped && h.IntN(12) == 0 {
		h.now = h.now.Add(time.Duration(h.IntN(1200)-600) * time.Second)
	}
	in := h.any()
	if want := h.watch.wanted(h.now); h.want == effectPause || h.want == effectResume || h.want == effectPlanPause {
		h.want = want // the time that has passed may have settled it
	}
	if h.want != effectNone && h.IntN(3) > 0 {
		in = h.perform()
	}
	entries := h.feed(in, h.now)
	for _, e := range entries {
		h.paused(e)
		require.False(h.t, e.Kind == incident.KindIntent && h.forbidden, "an intent where none may be")
		require.False(h.t, e.Kind == incident.KindIntent && h.asks && h.watch.leave() == nil, "an intent that nobody approved or ordered")
	}
	live := h.watch.wanted(h.now)
	again := h.restarted
	again.lookedUp = h.watch.lookedUp
	again.pauseRefused, again.resumeTried = h.watch.pauseRefused, h.watch.resumeTried
	require.Equal(h.t, live, again.wanted(h.now))
	if h.IntN(8) == 0 { // killed: some of the last entries were not stored, and nothing was done about any
		h.killed(h.IntN(len(entries) + 1))
	}
}

// perform answers the effect that the watch wants, usually as one would hope.
func (h *history) perform() input {
	switch h.want {
	case effectObserve:
		return observed{snapshot: h.shows("v2")}
	case effectBaseline:
		return baselined{baselines: baselinesOf(10000, 100)}
	case effectOpenIncident:
		return incidentOpened{id: "i1"}
	case effectPlan:
		plan, refusal := rollback.MakePlan(*h.watch.Pin, h.shows("v2"), false)
		return planned{plan: plan, refusal: refusal}
	case effectApply:
		if !h.carried[h.watch.intent.ID] && h.IntN(6) == 0 { // which says that it was not carried out
			return applied{result: rollback.Outdated, detail: "d"}
		}
		h.carried[h.watch.intent.ID] = true
		if h.IntN(3) > 0 {
			h.inPlace = "" // the patch ends what stops the rollout
			return applied{result: rollback.Landed}
		}
		require.Len(h.t, h.carried, 1, "a second intent was carried out")
		return h.pick(applied{result: rollback.Superseded, detail: "d"},
			applied{result: rollback.Failed, detail: "d"}, unsure{},
			withdrawn{refusal: &rollback.Refusal{Code: rollback.RefuseTargetNotReady, Reason: "d"}})
	case effectPlanPause:
		plan, refusal := rollback.MakePause(*h.watch.Pin, h.shows("v2", "rolling"), rollback.PauseMark{})
		return pausePlanned{plan: plan, refusal: refusal}
	case effectPause:
		return h.pauses()
	case effectResume:
		return h.resumes()
	case effectCheckLanded:
		if h.IntN(3) == 0 {
			h.inPlace = ""
			return applied{result: rollback.Landed}
		}
		return notLanded{}
	}
	h.t.Fatalf("no effect %q", h.want)
	return nil
}

// any is something that nobody asked for.
func (h *history) any() input {
	if ticks := h.due(); len(ticks) > 0 && h.IntN(4) > 0 {
		phase := incident.PhaseWatch
		if h.watch.State == Verifying {
			phase = incident.PhaseVerify
		}
		return measured{phase: phase, ticks: ticks}
	}
	if h.IntN(3) > 0 {
		return clock{}
	}
	if h.IntN(6) == 0 || h.watch.State == AwaitingApproval && h.IntN(4) == 0 {
		verbs := []control.Verb{control.Approve, control.Approve, control.Approve, control.Deny, control.Hold, control.Rollback, control.Abort}
		return asked{Asked: control.Asked{By: "ana", Verb: verbs[h.IntN(len(verbs))]}}
	}
	if h.watch.canary() != nil && h.IntN(3) == 0 {
		return h.pick(h.stepTo([]string{"5", "10", "50", "100"}[h.IntN(4)]), h.stepTo("100"),
			observed{snapshot: h.shows("v2", "scaled")}, observed{snapshot: h.shows("v2", "promoted")}, observed{snapshot: h.shows("v2", "foreign")})
	}
	if h.IntN(10) == 0 && !h.watch.Event.SchemaChange { // the second of a pair says the same about the schema
		return updated{accepted: incident.Accepted{Subject: h.watch.Subject, Event: completion()}}
	}
	versions := []string{"v2", "v2", "v2", "v2+note", "v1", "v1", "v3"}
	return h.pick(
		observed{snapshot: h.shows(versions[h.IntN(len(versions))])},
		observed{snapshot: h.shows("v1")}, observed{snapshot: h.shows("v2")}, observed{snapshot: h.shows("v2")},
		missing{since: h.now.Add(-time.Duration(h.IntN(70)) * time.Second)},
		unreadable{since: h.now.Add(-time.Duration(h.IntN(310)) * time.Second), words: "d"},
		superseded{by: event.Event{Version: "v3"}}, notLanded{}, unsure{}, applied{result: rollback.Failed, detail: "stray"},
	)
}

func (h *history) due() []analyzer.Tick {
	var ticks []analyzer.Tick
	if h.IntN(30) == 0 {
		h.bad = !h.bad
	}
	for _, span := range h.watch.due(h.now) {
		kind := "good"
		if h.bad != (h.watch.State == Verifying) {
			kind = "bad"
		}
		if h.IntN(12) == 0 {
			kind = []string{"none", "few", "error", "good"}[h.IntN(4)]
		}
		ticks = append(ticks, tickOf(kind, span.From, span.At))
	}
	return ticks
}

func (h *history) pick(from ...input) input { return from[h.IntN(len(from))] }
