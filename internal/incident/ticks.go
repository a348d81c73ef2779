package incident

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// maxRuns is how many runs of like ticks are told one by one; a signal that flaps is summed up instead.
const maxRuns = 6

// ticks describes stretches of ticks by the signal that decided, in the terms of its rule: the bad fraction over the
// trailing window against the limit.
type ticks struct {
	signal string
	window time.Duration
	// limit is known once anything was judged.
	limit  float64
	judged bool
	// since and until bound the breach that was held; the judge's own word on its ticks goes before ours.
	since, until time.Time
	phase        Phase
	recent       []analyzer.Tick
}

// class is what a tick showed.
type class string

const (
	classOK      class = "ok"
	classBreach  class = "in breach"
	classPlain   class = "measured"
	classQuiet   class = "without requests"
	classNoData  class = "without data"
	classError   class = "without a usable answer from Prometheus"
	noSignalSeen class = "without signals"
)

// run is a number of ticks of one class with the least and the greatest value seen in them.
type run struct {
	class    class
	ticks    uint64
	lo, hi   float64
	requests uint64
}

func newTicks(s Summary) *ticks {
	j := s.Decision
	if j == nil {
		j = s.Latest
	}
	t := &ticks{}
	lead := j.Lead()
	if lead == nil {
		return t
	}
	t.signal, t.window, t.limit, t.judged = lead.Signal, seconds(lead.Window), lead.Limit, true
	if lead.Verdict == analyzer.Regressed {
		t.since, t.until = lead.Since, lead.At
	}
	return t
}

// describe sums up entries, which are all ticks of one phase.
func (t *ticks) describe(entries []Entry) string {
	var runs []run
	for _, e := range entries {
		next := t.classify(e.Tick)
		if n := len(runs); n > 0 && runs[n-1].class == next.class {
			runs[n-1] = runs[n-1].join(next)
			continue
		}
		runs = append(runs, next)
	}
	prefix := ""
	if entries[0].Tick.Phase == PhaseVerify {
		prefix = "After the rollback: "
	}
	if len(runs) > maxRuns {
		return prefix + "by turns " + list(byClass(runs))
	}
	return prefix + list(runs)
}

func list(runs []run) string {
	var parts []string
	for _, r := range runs {
		parts = append(parts, r.String())
	}
	return strings.Join(parts, ", ")
}

// byClass joins runs of the same class, in the order of their first appearance.
func byClass(runs []run) []run {
	var out []run
	for _, r := range runs {
		joined := false
		for i := range out {
			if out[i].class == r.class {
				out[i], joined = out[i].join(r), true
			}
		}
		if !joined {
			out = append(out, r)
		}
	}
	return out
}

func (t *ticks) classify(tick *Tick) run {
	signal := t.signal
	if signal == "" {
		signal = anySignal(tick)
	}
	m := tick.Signals[signal]
	switch {
	case signal == "":
		return run{class: noSignalSeen, ticks: 1}
	case m.Error != "" || len(m.Warnings) > 0:
		return run{class: classError, ticks: 1}
	case m.Samples == 0:
		return run{class: classNoData, ticks: 1}
	}
	t.remember(tick)
	value, counted := t.trailing(signal).Ratio()
	value = min(value, 1)
	if !counted {
		return run{class: classQuiet, ticks: 1}
	}
	return run{class: t.side(tick, value), ticks: 1, lo: value, hi: value, requests: m.Total().N}
}

func (t *ticks) side(tick *Tick, value float64) class {
	held := tick.Phase == PhaseWatch && !t.since.IsZero() && !tick.At.Before(t.since) && !tick.At.After(t.until)
	switch {
	case !t.judged:
		return classPlain
	case held || value > t.limit:
		return classBreach
	default:
		return classOK
	}
}

// remember keeps the ticks of the trailing window; each phase begins with an empty one.
func (t *ticks) remember(tick *Tick) {
	if tick.Phase != t.phase {
		t.phase, t.recent = tick.Phase, nil
	}
	t.recent = append(t.recent, tick.Tick)
	first := 0
	for first < len(t.recent)-1 && !t.recent[first].At.After(tick.At.Add(-t.window)) {
		first++
	}
	t.recent = t.recent[first:]
}

func (t *ticks) trailing(signal string) analyzer.Counts {
	var sum analyzer.Counts
	for _, tick := range t.recent {
		sum = sum.Plus(tick.Signals[signal].Total())
	}
	return sum
}

func (r run) join(next run) run {
	return run{
		class: r.class, ticks: r.ticks + next.ticks, requests: r.requests + next.requests,
		lo: min(r.lo, next.lo), hi: max(r.hi, next.hi),
	}
}

// String tells a run as "3 ticks in breach (33.1 % … 35 %)".
func (r run) String() string {
	out := plural(r.ticks, "tick") + " " + string(r.class)
	switch r.class {
	case classOK, classBreach, classPlain:
	default:
		return out
	}
	if percent(r.lo) == percent(r.hi) {
		return fmt.Sprintf("%s (%s, %s)", out, percent(r.lo), plural(r.requests, "request"))
	}
	return fmt.Sprintf("%s (%s … %s, %s)", out, percent(r.lo), percent(r.hi), plural(r.requests, "request"))
}
