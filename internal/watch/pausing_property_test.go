package watch

import (
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what any history shows of pauses: the cluster is one in which a call may be carried out though it is
// answered by an error, and in which a try that is given up may still land for as long as it is bounded to.

// paused checks an entry: a watch pauses once, and never for longer than it may.
func (h *history) paused(e incident.Entry) {
	if e.Kind != incident.KindPause {
		return
	}
	require.Nil(h.t, h.restartedBefore(e).Pause, "a second pause")
	require.True(h.t, h.watch.Policy.PauseAtSuspicion)
	require.LessOrEqual(h.t, e.Pause.Mark.Until.Sub(h.now), pauseFor)
}

// restartedBefore is the watch as the journal made it before an entry that is the last of its kind.
func (h *history) restartedBefore(e incident.Entry) Watch {
	w := h.accepted.accepted()
	for _, earlier := range h.journal {
		if earlier.Kind == e.Kind && earlier.Pause.Mark.ID == e.Pause.Mark.ID {
			break
		}
		w = w.apply(earlier)
	}
	return w
}

// pauses carries the pause out: it lands, or fails, or nobody knows.
func (h *history) pauses() input {
	switch n := h.IntN(4); {
	case n == 0:
		return clock{} // nothing came of it
	case n == 1 && h.inPlace == "":
		return pauseTried{result: rollback.Superseded, detail: "d"}
	}
	h.inPlace = h.watch.Pause.Mark.ID
	h.made++
	if h.IntN(3) == 0 {
		return clock{} // it landed, and the answer was lost
	}
	return pauseTried{result: rollback.Landed, detail: "d"}
}

// resumes lets the rollout go on, or fails to, or does and nobody knows.
func (h *history) resumes() input {
	if h.IntN(4) == 0 {
		return pauseStuck{}
	}
	result := rollback.Superseded
	if h.inPlace == h.watch.Pause.Mark.ID {
		h.inPlace, result = "", rollback.Landed
	}
	if h.IntN(4) == 0 {
		return pauseStuck{}
	}
	return pauseEnded{result: result, detail: "d"}
}

// end lets time pass after a history until nothing is wanted of its pause, and reports how often its rollout was paused. No
// history leaves it so: neither one that is over nor one that goes on.
func (h *history) end() int {
	for range 60 {
		h.now = h.now.Add(pauseFor / 10)
		if h.watch.State.Final() {
			h.guards()
		} else {
			h.feed(clock{}, h.now)
			if h.watch.wanted(h.now) == effectResume {
				h.feed(h.resumes(), h.now)
			}
		}
		if h.IntN(8) == 0 {
			h.killed(0)
		}
	}
	require.Empty(h.t, h.inPlace, "%s, and the rollout is still paused", h.watch.State)
	if h.watch.State.Final() {
		require.False(h.t, h.watch.Pause.open())
	}
	return min(h.made, 1)
}

// guards does what the guard of an ended watch does.
func (h *history) guards() {
	if !h.watch.Pause.open() {
		return
	}
	require.True(h.t, h.watch.guarded(h.now.Add(1000*60*pauseFor)), "nobody ends the pause")
	if h.watch.whyResume(h.now) == "" {
		return
	}
	in, ok := h.resumes().(pauseEnded)
	if !ok {
		return
	}
	s := guardStep(h.watch, "rollbackd/test", h.now)
	s.pauseEnded(in)
	h.watch = s.watch
	for _, e := range roundTrip(h.t, s.entries) {
		h.journal = append(h.journal, e)
		h.restarted = h.restarted.apply(e)
	}
	h.sameAfterRestart()
}

// shows has the rollout of a release that may be paused take its time.
func (h *history) shows(version string, flags ...string) rollback.Snapshot {
	if h.watch.Policy.PauseAtSuspicion && h.watch.canary() == nil && version == "v2" && len(flags) == 0 && h.IntN(12) > 0 {
		flags = append(flags, "rolling")
	}
	return h.story.shows(version, flags...)
}
