package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
)

func TestWhatARolloutIsStoppedFor(t *testing.T) {
	breach := analyzer.Assessment{Signal: "errors", Outcome: analyzer.OutcomeBreach, Verdict: analyzer.Insufficient, Required: 300}
	with := func(edit func(*analyzer.Judgement, *analyzer.Assessment)) analyzer.Judgement {
		a := breach
		j := analyzer.Judgement{Verdict: analyzer.Insufficient, Evidence: 1}
		edit(&j, &a)
		j.Signals = []analyzer.Assessment{{Signal: "latency", Outcome: analyzer.OutcomeOK, Verdict: analyzer.Healthy, Evidence: 50, Held: 300, Required: 300}, a}
		return j
	}
	for name, tc := range map[string]struct {
		edit func(*analyzer.Judgement, *analyzer.Assessment)
		want string
	}{
		"a breach that has just begun":      {func(_ *analyzer.Judgement, a *analyzer.Assessment) { a.Held = 149 }, ""},
		"half of the rule's time":           {func(_ *analyzer.Judgement, a *analyzer.Assessment) { a.Held = 150 }, "half of the 300 s"},
		"evidence":                          {func(j *analyzer.Judgement, a *analyzer.Assessment) { j.Evidence, a.Evidence = 20, 40 }, "evidence against it is 20"},
		"too little evidence":               {func(j *analyzer.Judgement, a *analyzer.Assessment) { j.Evidence, a.Evidence = 19.9, 40 }, ""},
		"evidence that is another signal's": {func(j *analyzer.Judgement, a *analyzer.Assessment) { j.Evidence, a.Evidence = 25, 1 }, ""},
		"evidence of before": {func(j *analyzer.Judgement, a *analyzer.Assessment) {
			j.Evidence, a.Evidence, a.Outcome = 40, 40, analyzer.OutcomeOK
		}, ""},
		"what is not its doing": {func(j *analyzer.Judgement, a *analyzer.Assessment) {
			j.Evidence, a.Evidence, a.Verdict, j.Verdict = 4000, 4000, analyzer.External, analyzer.External
		}, ""},
		"what is proven": {func(j *analyzer.Judgement, a *analyzer.Assessment) { a.Verdict, a.Reason = analyzer.Regressed, "bad" }, "errors: bad"},
	} {
		got := suspected(with(tc.edit))
		if tc.want == "" {
			require.Empty(t, got, name)
			continue
		}
		require.Contains(t, got, tc.want, name)
	}
}

func TestOnlyARolloutThatGoesOnIsStopped(t *testing.T) {
	s := newStory(t, pausing)
	s.play(`
		1s  | see v2 rolling  | pinned >Watching    | Watching baseline
		2s  | baseline 10000  | baseline            | Watching`)
	require.False(t, s.watch.pausable(s.now), "nothing has been measured")
	s.play(`16s | ticks bad 15s | tick INSUFFICIENT tick*2 | Watching plan-pause`)
	require.True(t, s.watch.pausable(s.now))
	require.False(t, s.watch.pausable(s.now.Add(time.Minute)), "the tick is old by now")
	s.play(`17s | see v2 | rollout | Watching`)
	require.False(t, s.watch.pausable(s.now), "the rollout is complete")
}
