package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// jumps are the fractions of bad requests whose proof is estimated.
func jumps(kind analyzer.Kind) []float64 {
	if kind == analyzer.KindLatency {
		return []float64{0.10, 0.20, 0.50}
	}
	return []float64{0.01, 0.05, 0.20}
}

// prove measures the baseline that a release would have if it came now, and how long its traffic would take to prove a bad one.
func (e examination) prove(ctx context.Context, sig analyzer.Signal, members analyzer.Members, out *Signal) {
	sub := analyzer.Subject{Key: "it", Namespace: e.Namespace, Workload: e.Workload, Release: members}
	span := analyzer.Span{From: e.Now.Add(-e.Policy.BaselineWindow), At: e.Now}
	base, err := e.sampler.Baseline(ctx, sig, sub, span)
	if err != nil {
		out.say(Problem, err.Error(), "without a baseline nothing can be compared; make baseline.window shorter if Prometheus cannot answer for so long a time")
		return
	}
	out.Baseline = &Counts{Seconds: e.Policy.BaselineWindow.Seconds(), Requests: base.Counts.N, Bad: base.Counts.K}
	if base.Problem != "" || out.Requests == 0 {
		return
	}
	// The newest window tells the traffic of now; the baseline may begin before there was any.
	perSecond := float64(out.Requests) / out.WindowSeconds
	rules := analyzer.Rules{Signals: e.Policy.Signals, Alpha: e.Policy.Alpha, MinBreach: e.Policy.MinBreach}
	stages := e.Policy.Stages
	for _, fraction := range jumps(sig.Kind) {
		proof := analyzer.TimeToProve(rules, sig, base, perSecond, fraction, stages[0].Interval, stages[len(stages)-1].Until)
		out.Proofs = append(out.Proofs, Proof{Fraction: fraction, Seconds: proof.After.Seconds()})
	}
	out.Findings = append(out.Findings, evidence(perSecond, base.Counts, out.Proofs, stages[0]))
}

// evidence says what the traffic can prove, and in what time.
func evidence(perSecond float64, base analyzer.Counts, proofs []Proof, active watch.Stage) Finding {
	from := 0.0
	if base.N > 0 {
		from = float64(base.K) / float64(base.N)
	}
	var parts []string
	inTime := false
	for _, p := range proofs {
		takes := "cannot be proven"
		if p.Seconds > 0 {
			after := time.Duration(p.Seconds * float64(time.Second))
			takes = "takes about " + duration(after)
			inTime = inTime || after <= active.Until
		}
		parts = append(parts, fmt.Sprintf("to %s %s", percent(p.Fraction), takes))
	}
	f := Finding{Level: OK, Text: fmt.Sprintf("at %.3g requests/s, to prove a jump from %s: %s", perSecond, percent(from), strings.Join(parts, "; "))}
	if !inTime {
		f.Level = Warning
		f.Fix = fmt.Sprintf("hardly anything can be proven in the active stage of %s; let probes send requests, or judge by what has more traffic", duration(active.Until))
	}
	return f
}
