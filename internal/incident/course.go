package incident

import (
	"math"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/chart"
)

// course is what one signal showed over time: of the known-good version before the deployment, of the release, of the old version
// beside it, and after a rollback. What was not measured is a gap.
type course struct {
	// last is the assessment that gives baseline and limit.
	last analyzer.Assessment
	// base is the baseline with its ticks, nil if none was frozen.
	base                           *analyzer.Baseline
	before, release, beside, after []chart.Point
	// seconds says that a latency is written in seconds and not in milliseconds; quantiles that there are any to draw.
	seconds, quantiles bool
}

// courseOf reads one signal off the journal.
func courseOf(a analyzer.Assessment, entries []Entry) course {
	c := course{last: a, seconds: a.LimitLatency >= 10, quantiles: a.Kind == analyzer.KindLatency && hasBuckets(a.Signal, entries)}
	reader := reader{course: &c, release: c.meter(), beside: c.meter(), after: c.meter()}
	for i := range entries {
		e := &entries[i]
		switch {
		case len(e.Baseline) > 0:
			c.base = find(e.Baseline, a.Signal)
		case e.Step != nil && e.Step.Look > 0: // which is judged by what follows alone
			reader.release.forget()
			reader.beside.forget()
		case e.Tick != nil:
			reader.tick(e.Tick)
		}
	}
	c.before = append(c.readBefore(), c.before...)
	return c
}

func find(all []analyzer.Baseline, signal string) *analyzer.Baseline {
	for i := range all {
		if all[i].Signal == signal {
			return &all[i]
		}
	}
	return nil
}

func hasBuckets(signal string, entries []Entry) bool {
	for _, e := range entries {
		if e.Tick != nil && len(e.Tick.Signals[signal].Buckets) > 0 {
			return true
		}
	}
	return false
}

// percents turns fractions into what people read.
const percents = 100

func (c *course) meter() meter {
	m := meter{kind: c.last.Kind, window: seconds(c.last.Window), unit: percents}
	switch {
	case c.quantiles:
		m.quantile = c.last.Quantile
		m.unit = c.latencyUnit() * c.last.BoundUnit
		if c.last.BoundUnit == 0 { // as journals of earlier versions have it
			m.unit = c.latencyUnit()
		}
	case c.last.Kind == analyzer.KindBusiness:
		m.unit, m.numbers = c.last.Factor(), c.last.Unit == ""
	}
	return m
}

// latencyUnit is what seconds are multiplied by.
func (c *course) latencyUnit() float64 {
	if c.seconds {
		return 1
	}
	return 1000
}

// reader adds ticks to a course.
type reader struct {
	*course
	release, beside, after meter
	// until is where the tick before ended.
	until time.Time
}

func (r *reader) tick(t *Tick) {
	m, known := t.Signals[r.last.Signal]
	line, meter := &r.course.release, &r.release
	if t.Phase == PhaseVerify {
		line, meter = &r.course.after, &r.after
	}
	if len(*line) > 0 && t.From.Sub(r.until) > time.Second { // nothing was measured between the two
		*line = append(*line, chart.Point{At: t.From, Value: math.NaN()})
	}
	r.until = t.At
	switch {
	case r.last.Kind == analyzer.KindSmoke:
		r.rounds(t, m.Smoke)
		return
	case r.last.Kind == analyzer.KindRollout:
		*line = append(*line, chart.Point{At: t.At, Value: notReady(m.Rollout)})
		return
	case !known || !measured(m):
		*line = append(*line, chart.Point{At: t.At, Value: math.NaN()})
		return
	}
	*line = append(*line, chart.Point{At: t.At, Value: meter.read(readingOf(t.At, m))})
	if t.Phase != PhaseVerify && !r.quantiles { // of the old version the buckets are not kept
		r.besides(t.At, m)
	}
}

// besides notes what the old version did in the same tick; none is a gap.
func (r *reader) besides(at time.Time, m analyzer.Measurement) {
	value := math.NaN()
	switch {
	case m.ControlValue != nil:
		value = r.beside.read(reading{at: at, value: *m.ControlValue})
	case m.Control.N > 0 && !r.beside.numbers:
		value = r.beside.read(reading{at: at, counts: m.Control})
	}
	r.course.beside = append(r.course.beside, chart.Point{At: at, Value: value})
}

// notReady is how many of the release's pods are not ready, in per cent.
func notReady(r *analyzer.Rollout) float64 {
	if r == nil || r.Release.Pods <= 0 {
		return math.NaN()
	}
	return percents * float64(r.Release.Pods-r.Release.Ready) / float64(r.Release.Pods)
}

// rounds notes the rounds of a smoke test, each at its own time.
func (r *reader) rounds(t *Tick, rounds []analyzer.SmokeRound) {
	for _, round := range rounds {
		p := chart.Point{At: round.At, Value: math.NaN()}
		if round.N > 0 {
			p.Value = percents * float64(round.K) / float64(round.N)
		}
		switch {
		case round.Before:
			r.course.before = append(r.course.before, p)
		case t.Phase == PhaseVerify:
			r.course.after = append(r.course.after, p)
		default:
			r.course.release = append(r.course.release, p)
		}
	}
}

// readBefore reads the baseline off, whose steps lie end to end before its end. What is left out of it as an incident of its own is not
// in the journal, and a gap.
func (c *course) readBefore() []chart.Point {
	b := c.base
	if b == nil || b.Step <= 0 {
		return nil
	}
	switch {
	case c.quantiles && len(b.Shown) > 0:
		return laid(b, shownOf(b.Shown, c.latencyUnit()))
	case c.quantiles:
		return nil
	}
	m := c.meter()
	var values []float64
	switch {
	case !m.numbers:
		at := b.To.Add(-time.Duration(len(b.Ticks)) * b.Step)
		for _, counts := range b.Ticks {
			at = at.Add(b.Step)
			values = append(values, m.read(reading{at: at, counts: counts}))
		}
	case len(b.Shown) > 0:
		values = shownOf(b.Shown, 1)
	default:
		values = b.Values
	}
	return laid(b, values)
}

func shownOf(shown []*float64, unit float64) []float64 {
	out := make([]float64, len(shown))
	for i, v := range shown {
		out[i] = math.NaN()
		if v != nil {
			out[i] = *v * unit
		}
	}
	return out
}

// laid puts values at the ends of a baseline's steps, those before its incident before that.
func laid(b *analyzer.Baseline, values []float64) []chart.Point {
	later := len(values)
	if b.Incident != nil && len(b.Shown) == 0 {
		later = min(later, int(b.To.Sub(b.Incident.At)/b.Step))
	}
	out := make([]chart.Point, 0, len(values)+1)
	earlier := len(values) - later
	for i, v := range values {
		if i == earlier && earlier > 0 {
			out = append(out, chart.Point{At: b.Incident.At, Value: math.NaN()})
		}
		at := b.To.Add(-time.Duration(len(values)-1-i) * b.Step)
		if i < earlier {
			at = b.Incident.From.Add(-time.Duration(earlier-1-i) * b.Step)
		}
		out = append(out, chart.Point{At: at, Value: v})
	}
	return out
}
