package analyzer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func slowness() Signal {
	return Signal{
		Name: "latency", Kind: KindLatency, Scrape: 5 * time.Second, Rule: rule,
		Objective: Objective{Quantile: 0.95, SLO: 500 * time.Millisecond, Tolerance: 0.2, Unit: time.Second},
	}
}

// What holds for errors holds for latency.
func TestSharedLatency(t *testing.T) {
	for _, c := range []surrounded{{
		name:     "all grow slow at the same time",
		release:  fine(20) + failing(10) + fine(15),
		peers:    same("cart search users", fine(20)+failing(10)+fine(15)),
		verdicts: "h*21 .e*10 .h*12",
		reason:   "within the limit",
	}, {
		name:     "the release alone does",
		release:  fine(20) + failing(10),
		peers:    same("cart search users", fine(30)),
		verdicts: "h*21 .r*8",
	}, {
		name:     "what it calls fails everybody after a long wait",
		release:  fine(20) + failing(10),
		calls:    map[string][2]string{"pay": {fine(20) + failing(10), fine(20) + failing(10)}},
		verdicts: "h*21 .e*8",
		reason:   "pay, which it calls, is failing",
	}} {
		t.Run(c.name, func(t *testing.T) {
			verdicts, last := c.play(t, guarded(slowness()))
			require.Equal(t, expand(c.verdicts), verdicts, last.Reason)
			require.Contains(t, last.Reason, c.reason)
		})
	}
}

// An outage shows in the errors of all, and in the latency of the release alone, as the others are quick to fail.
func TestAnOutageExcusesEverySignal(t *testing.T) {
	outage := surrounded{release: fine(20) + failing(10), peers: same("cart search users", fine(20)+failing(10))}
	alone := surrounded{release: outage.release, peers: same("cart search users", fine(30))}
	r := guarded(errorSignal(), slowness())
	ticks, quick := outage.ticks(t, r), alone.ticks(t, r)
	var st State
	var j Judgement
	for i := range ticks {
		if ticks[i].Around != nil {
			ticks[i].Around["latency"] = quick[i].Around["latency"]
		}
		st, j = Step(r, map[string]Baseline{"errors": quietBaseline(), "latency": quietBaseline()}, st, ticks[i])
		require.NotEqual(t, Regressed, j.Verdict, "tick %d: %s", i, j.Reason)
	}
	require.Equal(t, External, j.Verdict)
	require.Less(t, j.Signals[1].Evidence, 1.0, "what the latency adds to the evidence is given up too")
}

// A strict signal is judged as the runbook is written, whatever happens elsewhere, and nobody is asked.
func TestStrictSignalsAreNotGuarded(t *testing.T) {
	sig := errorSignal()
	sig.Strict, sig.Rule.For = true, 20*time.Second
	c := surrounded{release: failing(10), peers: same("cart search users", failing(10))}
	for _, tick := range c.ticks(t, guarded(sig)) {
		require.Empty(t, tick.Around)
	}
	verdicts, _ := c.play(t, guarded(sig))
	plain, _ := c.play(t, Rules{Signals: []Signal{sig}})
	require.Equal(t, plain, verdicts)
	require.Contains(t, verdicts, "r")
}

// Prometheus is asked only where a decision may hang on it, and about the breach from its beginning.
func TestSuspects(t *testing.T) {
	strict := errorSignal()
	strict.Name, strict.Strict = "strict", true
	for _, c := range []struct {
		name, release, old string
		rules              Rules
		want               map[string]time.Time
	}{
		{name: "nothing is wrong", release: fine(5), rules: guarded(errorSignal(), strict)},
		{name: "plainly bad", release: fine(5) + failing(2), rules: guarded(errorSignal(), strict), want: map[string]time.Time{"errors": second(25)}},
		{name: "bad in little, once", release: fine(5) + "250/2", rules: guarded(errorSignal())},
		{name: "bad in little, again", release: fine(5) + "250/8 250/8", rules: guarded(errorSignal()), want: map[string]time.Time{"errors": second(25)}},
		{name: "over the limit for long, on little evidence", release: "250/1*34", rules: guarded(errorSignal())},
		{name: "the old version serves beside it", release: failing(5), old: fine(5), rules: guarded(errorSignal())},
		{name: "the old version served for a part, and did better", release: failing(9), old: fine(3) + "0/0*6", rules: guarded(errorSignal())},
		{name: "no guards", release: failing(5), rules: Rules{Signals: []Signal{errorSignal()}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var st State
			for _, tick := range (surrounded{release: c.release, old: c.old}).ticks(t, c.rules) {
				st, _ = Step(c.rules, map[string]Baseline{"errors": quietBaseline(), "strict": quietBaseline()}, st, tick)
			}
			got := st.Suspects(c.rules)
			if len(c.want) == 0 {
				require.Empty(t, got)
				return
			}
			require.Equal(t, c.want, got)
		})
	}
}
