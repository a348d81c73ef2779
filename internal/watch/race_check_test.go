package watch

import (
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what must be true of every race.

func (r *race) check() {
	r.t.Helper()
	known := 0
	for key := range r.stored {
		r.checkStory(key, r.entries(key))
		known += len(r.cluster.by(key))
	}
	require.Equal(r.t, len(r.cluster.landed), known, "every patch carries an intent of a watch")
}

// checkStory checks a watch's journal, and what landed because of it.
func (r *race) checkStory(key string, entries []incident.Entry) {
	t := r.t
	t.Helper()
	require.NotEmpty(t, entries)
	state := Pending
	stored, err := decode(r.stored[key])
	require.NoError(t, err)
	w := stored.accepted()
	intents, outcomes := map[string]bool{}, map[string]incident.Outcome{}
	for _, e := range entries {
		switch e.Kind {
		case incident.KindState:
			if e.State.From == "" { // that of the acceptance, which a crash may leave out
				require.Equal(t, []State{Pending, Pending}, []State{state, State(e.State.To)})
				continue
			}
			require.Equal(t, string(state), e.State.From, "a change starts from the state that the watch is in")
			require.True(t, state.CanBecome(State(e.State.To)), "%s -> %s", state, e.State.To)
			require.False(t, e.State.To == string(RollingBack) && len(intents) == 0, "rolling back without an intent")
			state = State(e.State.To)
		case incident.KindIntent:
			require.Equal(t, Regressed, state, "an intent of a watch that is %s", state)
			intents[e.Intent.ID] = true
		case incident.KindOutcome:
			require.True(t, intents[e.Outcome.Intent], "an outcome of an intent that nobody had")
			outcomes[e.Outcome.Intent] = *e.Outcome
		}
		w = w.apply(e)
	}
	require.True(t, state.Final(), "watch %s ended as %s", key, state)
	require.NotEmpty(t, incident.Timeline(entries))
	r.checkLandings(key, w, outcomes)
}

func (r *race) checkLandings(key string, w Watch, outcomes map[string]incident.Outcome) {
	t := r.t
	t.Helper()
	landed := r.cluster.by(key)
	require.LessOrEqual(t, len(landed), 1, "a watch patched twice")
	for _, l := range landed {
		require.Equal(t, w.intent.ID, l.intent, "only the newest intent is carried out")
		require.True(t, rollback.ContainersEqual(l.before, w.Pin.Release.Template), "a release was taken back that nobody had judged")
		if w.Pin.Switch != nil {
			require.Equal(t, []string{"green", "blue"}, []string{l.from, l.to})
		} else {
			require.True(t, rollback.TemplatesEqual(l.after, w.Pin.Target.Template), "another template than the one pinned was put back")
		}
		if r.traceOf(w) == l.intent {
			require.Equal(t, rollback.Landed, outcomes[l.intent].Result, "it landed, and the record says: %s", outcomes[l.intent].Detail)
		}
	}
	for id, o := range outcomes {
		require.False(t, o.Result == rollback.Landed && (len(landed) == 0 || landed[0].intent != id), "the record has a rollback that never landed")
	}
}

// traceOf is the intent that what a watch patches still names. Whoever undoes a rollback with kubectl rollout undo before its
// outcome is recorded wipes that out, and then nobody can tell.
func (r *race) traceOf(w Watch) string {
	if w.Pin.Switch != nil {
		return r.cluster.service.meta.Annotations[rollback.IntentAnnotation]
	}
	return r.cluster.workloads[raceWorkload].meta.Annotations[rollback.IntentAnnotation]
}
