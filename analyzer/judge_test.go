package analyzer

import (
	"slices"
	"testing"
)

// The gravest signal speaks for the release; between equals the one that the policy names first.
func TestCombine(t *testing.T) {
	for _, c := range []struct {
		name    string
		signals []Verdict
		verdict Verdict
		reason  string
	}{
		{"one signal proven bad is enough", []Verdict{Healthy, NoData, Insufficient, Regressed}, Regressed, "3: because 3"},
		{"missing data comes before too little of it", []Verdict{Insufficient, NoData, Healthy}, NoData, "1: because 1"},
		{"too little data comes before health", []Verdict{Healthy, Insufficient, Healthy}, Insufficient, "1: because 1"},
		{"healthy only if every signal is", []Verdict{Healthy, Healthy}, Healthy, "0: because 0"},
		{"the first of equals", []Verdict{Healthy, Regressed, Regressed}, Regressed, "1: because 1"},
		{"no signal proves nothing", nil, Insufficient, "the policy has no signal"},
		{"nor does a verdict that is none", []Verdict{""}, Insufficient, "the policy has no signal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var all []Assessment
			for i, v := range c.signals {
				name := string(rune('0' + i))
				all = append(all, Assessment{Signal: name, Verdict: v, Reason: "because " + name})
			}
			if verdict, reason := combine(all); verdict != c.verdict || reason != c.reason {
				t.Errorf("%s, %q", verdict, reason)
			}
		})
	}
}

func TestByGravityHoldsEveryVerdict(t *testing.T) {
	for _, v := range []Verdict{Healthy, Regressed, Insufficient, NoData} {
		if !slices.Contains(byGravity, v) {
			t.Errorf("%s is never given", v)
		}
	}
}

// Each signal is judged by its own measurement, baseline and history, in the order of the policy.
func TestStepJudgesEverySignalByItself(t *testing.T) {
	signals := []Signal{
		{Name: "good", Scrape: scrape, Rule: rule},
		{Name: "errors", Scrape: scrape, Rule: rule},
		{Name: "silent", Scrape: scrape, Rule: rule},
	}
	baselines := map[string]Baseline{"good": {Counts: Counts{N: 1000}}, "errors": {Counts: Counts{N: 1000}}}
	tick := Tick{From: second(0), At: second(15), Signals: map[string]Measurement{
		"good":   {Samples: 1, Pods: map[string]Counts{"a": {N: 200}}},
		"errors": {Samples: 1, Pods: map[string]Counts{"a": {N: 300, K: 100}}},
	}}
	st, j := Step(Rules{Signals: signals}, baselines, State{}, tick)
	want := []Outcome{OutcomeOK, OutcomeBreach, OutcomeNoData}
	for i, a := range j.Signals {
		if a.Signal != signals[i].Name || a.Outcome != want[i] {
			t.Errorf("signal %d is %s: %s", i, a.Signal, a.Outcome)
		}
	}
	if j.Verdict != Insufficient || len(j.Signals) != 3 {
		t.Errorf("%s of %d signals", j.Verdict, len(j.Signals))
	}
	if st.Measured("good") != 200 || st.Measured("errors") != 300 || st.Measured("silent") != 0 || st.Measured("unknown") != 0 {
		t.Errorf("measured %+v", st)
	}
	if (State{}).Measured("good") != 0 {
		t.Error("nothing was measured yet")
	}
}
