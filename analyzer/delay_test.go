package analyzer

import (
	"testing"
	"time"
)

// hourOf is an hour of a service's ticks in which a fraction of the requests is bad, spread evenly.
func hourOf(perSecond, fraction float64) Baseline {
	base := Baseline{Step: 15 * time.Second}
	var n, k float64
	for range 240 {
		n, k = n+15*perSecond, k+15*perSecond*fraction
		tick := Counts{N: uint64(n) - base.Counts.N, K: uint64(k) - base.Counts.K}
		base.Ticks, base.Counts = append(base.Ticks, tick), base.Counts.Plus(tick)
	}
	return base
}

// The estimate is what was measured by simulation, as docs/judging.md tells: 45 s at 10 requests a second from 0.1 % to 5 %.
func TestTimeToProve(t *testing.T) {
	sig := Signal{Name: "errors", Kind: KindErrorRate, Rule: Sustained{Relative: 0.1, Absolute: 0.001, Window: time.Minute, For: 5 * time.Minute}}
	rules := Rules{Signals: []Signal{sig}}
	prove := func(r Rules, perSecond, from, to float64) time.Duration {
		return TimeToProve(r, sig, hourOf(perSecond, from), perSecond, to, 15*time.Second, time.Hour).After
	}
	if got := prove(rules, 10, 0.001, 0.05); got != 45*time.Second {
		t.Errorf("%s", got)
	}
	if fast, slow := prove(rules, 2, 0.001, 0.05), prove(rules, 0.5, 0.001, 0.05); fast < 60*time.Second || fast > 3*time.Minute || slow <= fast {
		t.Errorf("%s with more traffic, %s with less", fast, slow)
	}
	two := Rules{Signals: []Signal{sig, {Name: "latency", Kind: KindLatency}, {Name: "rollout", Kind: KindRollout}}}
	if one, both := prove(rules, 1, 0.001, 0.05), prove(two, 1, 0.001, 0.05); both <= one {
		t.Errorf("%s for one signal alone, %s beside another, whose evidence is averaged with it", one, both)
	}
	for name, got := range map[string]time.Duration{
		"what the baseline had":     prove(rules, 10, 0.01, 0.01),
		"hardly any traffic":        prove(rules, 0.001, 0.001, 0.05),
		"no traffic":                prove(rules, 0, 0.001, 0.05),
		"no baseline":               TimeToProve(rules, sig, Baseline{}, 10, 0.05, 15*time.Second, time.Hour).After,
		"a tick longer than limits": TimeToProve(rules, sig, hourOf(10, 0.001), 10, 0.05, 15*time.Second, time.Second).After,
	} {
		if got != 0 {
			t.Errorf("%s: proven after %s", name, got)
		}
	}
}
