package analyzer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// history is a release told in ticks of five seconds, a line for each pod: what the pod served in each tick, as
// requests/failures, "-" for a tick in which it had no sample. The line "old" is the old version's.
type history struct {
	name     string
	baseline Baseline
	pods     map[string]string
	// verdicts has a letter for each tick: r for REGRESSED, e for EXTERNAL, s for SICK_POD, . for anything else.
	verdicts string
	reason   string
}

func quietBaseline() Baseline {
	b := Baseline{Step: 15 * time.Second}
	for range 240 {
		b.Ticks, b.Counts = append(b.Ticks, Counts{N: 500, K: 1}), b.Counts.Plus(Counts{N: 500, K: 1})
	}
	return b
}

// risingBaseline is quiet but for the last four minutes before the deployment.
func risingBaseline() Baseline {
	b := quietBaseline()
	for i := len(b.Ticks) - 16; i < len(b.Ticks); i++ {
		b.Ticks[i].K += 120
		b.Counts.K += 120
	}
	return b
}

var histories = []history{{
	name:     "a release that fails half of its requests is proven bad within four ticks",
	baseline: quietBaseline(),
	pods:     map[string]string{"a": "250/120 250/125 250/130 250/124"},
	verdicts: "..rr",
	reason:   "errors: 49.90 % of requests failed for about 20s; the limit is 0.30 % (the baseline of 0.20 % plus 0.1 percentage points)",
}, {
	name:     "a blip of ten seconds that touches three ticks is left alone",
	baseline: quietBaseline(),
	pods:     map[string]string{"a": "250/0 250/25 250/125 250/100 250/0 250/1 250/0 250/1 250/0 250/0"},
	verdicts: "..........",
}, {
	name:     "so is one that fills two ticks",
	baseline: quietBaseline(),
	pods:     map[string]string{"a": "250/0 250/125 250/125 250/0 250/1 250/0 250/1 250/0 250/0 250/0"},
	verdicts: "..........",
}, {
	name:     "what a blip showed is not held against a few failures later",
	baseline: quietBaseline(),
	pods:     map[string]string{"a": "250/0 250/125 250/125 250/0 250/0 250/0 250/0 250/2 250/1 250/2 250/2 250/0 250/0"},
	verdicts: ".............",
}, {
	name:     "nor is what a single pod did before it was deleted",
	baseline: quietBaseline(),
	pods: map[string]string{
		"a": "100/100 100/100 100/100 100/100 100/100 100/100 - - - - - - - - -",
		"b": "100/0 100/0 100/0 100/0 100/0 100/0 100/0 100/0 100/0 100/0 100/1 100/1 100/1 100/1 100/0",
		"c": "100/0 100/0 100/0 100/0 100/0 100/0 100/0 100/0 100/0 100/0 100/1 100/0 100/1 100/1 100/0",
	},
	verdicts: "..ssss.........",
}, {
	name:     "a gap in the data starts the breach anew",
	baseline: quietBaseline(),
	pods:     map[string]string{"a": "250/125 250/125 - - - 250/125 250/125 250/125"},
	verdicts: ".......r",
}, {
	name:     "what strikes the old version as well is not the new one's doing",
	baseline: quietBaseline(),
	pods:     map[string]string{"a": "125/60 125/62 125/61 125/60 125/63 125/61", "old": "125/61 125/60 125/63 125/60 125/61 125/62"},
	verdicts: "......",
}, {
	name:     "nor is it when the old version has gone",
	baseline: quietBaseline(),
	pods:     map[string]string{"a": "125/60 125/62 125/61 250/120 250/121 250/120 250/124 250/121 250/120", "old": "125/61 125/60 125/63 0/0 0/0 0/0 0/0 0/0 0/0"},
	verdicts: ".......ee",
	reason:   "of requests failed, over the limit of 0.30 %, but the old version did no better while it served beside the new one",
}, {
	name:     "what the old version does not have is the new one's doing, though it is little",
	baseline: quietBaseline(),
	pods:     map[string]string{"a": "250/25 250/26 250/25 250/25", "old": "250/1 250/0 250/1 250/0"},
	verdicts: "..rr",
}, {
	name:     "what had begun before the deployment is not the release's doing",
	baseline: risingBaseline(),
	pods:     map[string]string{"a": "167/33 167/34 167/33 167/33"},
	verdicts: "..ee",
	reason:   "errors: 19.91 % of requests failed, over the limit of 1.98 %, but it had risen before the deployment already",
}, {
	name:     "one sick pod of three is not the version",
	baseline: quietBaseline(),
	pods:     map[string]string{"a": "80/40 80/41 80/40 80/40", "b": "80/0 80/1 80/0 80/0", "c": "80/0 80/0 80/0 80/0"},
	verdicts: "..ss",
}, {
	name:     "the first pod of a rollout speaks for the version while the others have served nothing",
	baseline: quietBaseline(),
	pods:     map[string]string{"a": "80/40 80/41 80/40 80/40", "b": "0/0 0/0 0/0 1/1", "c": "0/0 0/0 0/0 1/0"},
	verdicts: "..rr",
}, {
	name:     "without a baseline the old version beside it decides",
	pods:     map[string]string{"a": "250/25 250/26 250/25 250/25", "old": "250/1 250/0 250/1 250/0"},
	verdicts: "..rr",
	reason:   "there is no baseline, but the old version serving beside it did better",
}, {
	name:     "without either nothing is proven",
	pods:     map[string]string{"a": "250/25 250/26 250/25 250/25 250/25 250/25"},
	verdicts: "......",
}}

func TestHistories(t *testing.T) {
	for _, h := range histories {
		t.Run(h.name, func(t *testing.T) {
			rules := Rules{Signals: []Signal{{Name: "errors", Kind: KindErrorRate, Scrape: 5 * time.Second, Rule: rule}}}
			var st State
			var j Judgement
			verdicts := ""
			for i := range len(h.verdicts) {
				st, j = Step(rules, map[string]Baseline{"errors": h.baseline}, st, h.tick(t, i))
				verdicts += letter(j)
			}
			require.Equal(t, h.verdicts, verdicts, "at last %s: %s", j.Verdict, j.Reason)
			if h.reason != "" {
				require.Contains(t, j.Reason, h.reason)
			}
			if j.Verdict == Regressed {
				require.False(t, j.Signals[0].Since.IsZero(), "the record says since when")
			}
		})
	}
}

func (h history) tick(t *testing.T, i int) Tick {
	from := second(5 * i)
	m := Measurement{Pods: map[string]Counts{}}
	for pod, line := range h.pods {
		field := strings.Fields(line)[i]
		if field == "-" {
			continue
		}
		var c Counts
		_, err := fmt.Sscanf(field, "%d/%d", &c.N, &c.K)
		require.NoError(t, err)
		if m.Samples++; pod == "old" {
			m.Control = c
			continue
		}
		m.Pods[pod] = c
	}
	return Tick{From: from, At: from.Add(5 * time.Second), Signals: map[string]Measurement{"errors": m}}
}

func letter(j Judgement) string {
	switch {
	case j.Verdict == Regressed && j.Unproven:
		return "?"
	case j.Verdict == Regressed:
		return "r"
	case j.Verdict == External:
		return "e"
	case j.Verdict == SickPod:
		return "s"
	}
	return "."
}

// A breach that is acted on is as long as the record says that it must be: the estimate is a little low, and what is asked of it is less.
func TestABreachThatIsActedOnIsLongEnough(t *testing.T) {
	h := history{baseline: histories[0].baseline, pods: map[string]string{"a": "100/24 100/40 100/36"}}
	rules := Rules{Signals: []Signal{{Name: "errors", Kind: KindErrorRate, Scrape: 5 * time.Second, Rule: rule}}}
	var st State
	var j Judgement
	for i := range 3 {
		st, j = Step(rules, map[string]Baseline{"errors": h.baseline}, st, h.tick(t, i))
	}
	require.Equal(t, Regressed, j.Verdict, j.Reason)
	require.Less(t, j.Signals[0].Breach, 15.0)
	require.GreaterOrEqual(t, j.Signals[0].Breach, j.Signals[0].LeastBreach)
}

// A breach that was held as long as the runbook says, on evidence that may be chance, is a question to a person; on hardly
// any evidence it is nothing.
func TestTheRunbooksRuleAloneAsksOrWaits(t *testing.T) {
	for _, c := range []struct {
		name           string
		failures       uint64
		want           string
		reason         string
		baseline, each uint64
	}{
		{name: "as bad as chance makes it", failures: 1, baseline: 40, each: 30, want: ".", reason: "but chance may explain it"},
		{name: "no worse than the baseline may have been", failures: 1, baseline: 40, each: 80, want: ".", reason: "a healthy release may come to"},
		{name: "worse", failures: 2, baseline: 40, each: 50, want: "?", reason: "so a person must decide"},
		{name: "much worse", failures: 6, baseline: 40, each: 30, want: "r", reason: "the limit is"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sig := Signal{Name: "errors", Kind: KindErrorRate, Scrape: 15 * time.Second, Rule: rule}
			var st State
			var j Judgement
			for i := range 42 {
				from := second(15 * i)
				st, j = Step(Rules{Signals: []Signal{sig}}, map[string]Baseline{"errors": {Counts: Counts{N: 4000, K: c.baseline}}}, st,
					Tick{From: from, At: from.Add(15 * time.Second), Signals: map[string]Measurement{
						"errors": {Samples: 1, Pods: map[string]Counts{"a": {N: c.each, K: c.failures}}},
					}})
			}
			require.Equal(t, c.want, letter(j), "evidence %g: %s", j.Evidence, j.Reason)
			require.Contains(t, j.Reason, c.reason)
		})
	}
}
