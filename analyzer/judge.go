package analyzer

import "fmt"

// State is what judging remembers between the ticks of one watch. Its zero value is the start of a watch.
type State struct {
	signals map[string]SustainedState
}

// Judgement is the verdict on a release at one tick and the assessments behind it, one for each signal.
type Judgement struct {
	Verdict Verdict
	Reason  string
	Signals []Assessment
}

// Step folds one tick into the state. It is pure: the same signals, baselines and ticks give the same judgements,
// live, after a restart and in a replay of history.
func Step(signals []Signal, baselines map[string]Baseline, st State, t Tick) (State, Judgement) {
	next := State{signals: make(map[string]SustainedState, len(signals))}
	var j Judgement
	for _, sig := range signals {
		s, a := stepSustained(sig, baselines[sig.Name], st.signals[sig.Name], t)
		next.signals[sig.Name] = s
		j.Signals = append(j.Signals, a)
	}
	j.Verdict, j.Reason = combine(j.Signals)
	return next, j
}

// Measured returns how many events of a signal have been counted so far.
func (st State) Measured(signal string) uint64 { return st.signals[signal].total.N }

// byGravity lists the verdicts, the gravest first.
var byGravity = []Verdict{Regressed, NoData, Insufficient, Healthy}

// combine takes the gravest verdict: one signal proven bad is enough, and a release is healthy only if every signal
// says so.
func combine(signals []Assessment) (Verdict, string) {
	for _, v := range byGravity {
		for _, a := range signals {
			if a.Verdict == v {
				return v, fmt.Sprintf("%s: %s", a.Signal, a.Reason)
			}
		}
	}
	return Insufficient, "the policy has no signal"
}
