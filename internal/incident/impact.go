package incident

import (
	"fmt"
	"math"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// impact is what an incident cost by one signal, counted from the ticks.
type impact struct {
	of analyzer.Assessment
	// counts are those of the incident, from the beginning of the breach until the service was well again or the record ends.
	counts analyzer.Counts
	// measured is the part of the span whose ticks hold counts.
	measured time.Duration
	from, to time.Time
}

// over is when an incident was over, as far as the record goes; ended tells whether that was its end.
func (s Summary) over() (at time.Time, ended bool) {
	if s.Restored {
		return s.Times.Restored, true
	}
	return s.asOf(), false
}

// impacts counts what the incident cost by each signal that counts requests or events.
func (s Summary) impacts(entries []Entry) []impact {
	if s.Decision == nil || s.Times.FirstBreach.IsZero() {
		return nil
	}
	until, _ := s.over()
	var out []impact
	for _, a := range s.Decision.Signals {
		i := impact{of: a, to: until}
		for _, e := range entries {
			if e.Tick != nil && !e.Tick.At.Before(s.Times.FirstBreach) && !e.Tick.At.After(until) {
				i.add(e.Tick)
			}
		}
		if i.counts.N > 0 && (a.Kind == analyzer.KindErrorRate || a.Kind == analyzer.KindLatency || a.Kind == analyzer.KindBusiness) {
			out = append(out, i)
		}
	}
	return out
}

func (i *impact) add(t *Tick) {
	if i.from.IsZero() {
		i.from = t.From
	}
	m := t.Signals[i.of.Signal]
	if !measured(m) {
		return
	}
	i.counts = i.counts.Plus(m.Total())
	i.measured += t.At.Sub(t.From)
}

// excess is by how many requests or events the incident was worse than the time before the deployment, as often as there were requests.
// It is less than 0 where a business metric fell.
func (i impact) excess() float64 {
	return float64(i.counts.K) - i.of.Baseline/i.of.Factor()*float64(i.counts.N)
}

// String says it in a sentence.
func (i impact) String() string {
	unmeasured := ""
	if gap := i.to.Sub(i.from) - i.measured; gap >= time.Second {
		unmeasured = fmt.Sprintf("; of %s in between nothing is counted", brief(gap))
	}
	name := text(i.of.Signal)
	if i.of.Kind == analyzer.KindBusiness {
		way := "fewer"
		if i.excess() > 0 {
			way = "more"
		}
		return fmt.Sprintf("%s: about %s %s than before the deployment in as much time or as many requests (%s were counted)%s",
			name, whole(math.Abs(i.excess())), way, count(i.counts.K), unmeasured)
	}
	w := wordsFor(i.of)
	if i.of.BaselineCounts.N == 0 {
		return fmt.Sprintf("%s: %s %s; there is no baseline to compare with%s", name, share(i.counts), w.Bad, unmeasured)
	}
	if i.counts.K == 0 {
		return fmt.Sprintf("%s: none of %s %s%s", name, plural(i.counts.N, "request"), w.Bad, unmeasured)
	}
	more := fmt.Sprintf("**%s more**", whole(i.excess()))
	if math.Round(i.excess()) <= 0 {
		more = "no more"
	}
	return fmt.Sprintf("%s: %s %s, %s than the %s that the baseline of %s makes expect%s",
		name, share(i.counts), w.Bad, more, whole(i.of.Baseline*float64(i.counts.N)), percent(i.of.Baseline), unmeasured)
}

// whole writes a number without its fraction, with a comma between thousands.
func whole(v float64) string { return count(uint64(max(0, min(math.Round(v), 1<<62)))) }

// lasted says for how long the service was bad.
func (s Summary) lasted() string {
	from := s.Times.FirstBad
	if from.IsZero() {
		from = s.Times.FirstBreach
	}
	until, ended := s.over()
	if from.IsZero() || until.Before(from) {
		return "no time in which the service was bad is recorded"
	}
	minutes := fmt.Sprintf("%s, %s minutes", brief(until.Sub(from)), significant(until.Sub(from).Minutes()))
	if !ended {
		return fmt.Sprintf("from %s, the first bad measurement, to %s, where the record ends without the service being seen well again: at least %s", instant(from), instant(until), minutes)
	}
	return fmt.Sprintf("from %s, the first bad measurement, to %s, when the service was seen to be well again: %s", instant(from), instant(until), minutes)
}
