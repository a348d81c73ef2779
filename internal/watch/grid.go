package watch

import (
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// maxDue bounds how many missed ticks are asked for at once, and with them the length of a query.
const maxDue = 60

// NextTick returns the tick after prev. Ticks lie at whole multiples of the stage's interval, so that watches with
// the same interval fall due together and one query serves them all; the first tick after T0 is therefore shorter.
func (p Policy) NextTick(t0, prev time.Time) time.Time {
	interval := p.stageAt(prev.Sub(t0)).Interval
	return prev.Truncate(interval).Add(interval)
}

// EndsActive reports whether the first stage ends between two ticks that follow each other.
func (p Policy) EndsActive(t0, prev, at time.Time) bool {
	return prev.Sub(t0) < p.Stages[0].Until && at.Sub(t0) >= p.Stages[0].Until
}

// due returns the spans that can be measured by now, oldest first. A tick is due one scrape after its end, when the
// samples that belong to it have surely been stored.
func (w Watch) due(now time.Time) []analyzer.Span {
	from, last, ok := w.gridPosition()
	if !ok {
		return nil
	}
	policy := w.policyNow()
	var spans []analyzer.Span
	for len(spans) < maxDue {
		at := policy.NextTick(from, last)
		if at.Add(w.Policy.Scrape()).After(now) || w.State == Watching && last.Sub(from) >= policy.End() {
			break
		}
		spans = append(spans, analyzer.Span{From: last, At: at})
		last = at
	}
	return spans
}

// gridPosition returns where the grid of the present phase starts and its last tick; ok is false when the watch has
// nothing to measure.
func (w Watch) gridPosition() (from, last time.Time, ok bool) {
	switch w.State {
	case Watching, Regressed, AwaitingApproval, RollingBack:
		if len(w.Baselines) == 0 || w.Pin == nil {
			return from, last, false
		}
		from, last = w.begin(), w.lastTick
	case Verifying:
		if w.restoredRollout.IsZero() {
			return from, last, false
		}
		from, last = w.restoredRollout, w.lastVerify
	default:
		return from, last, false
	}
	if last.IsZero() {
		last = from
	}
	return from, last, true
}

// over reports whether the last stage has been measured to its end.
func (w Watch) over() bool {
	return w.Pin != nil && !w.lastTick.IsZero() && w.lastTick.Sub(w.begin()) >= w.policyNow().End()
}

// fresh reports whether the newest tick is recent enough to act on: no more than one is missing.
func (w Watch) fresh(now time.Time) bool {
	if w.lastTick.IsZero() {
		return false
	}
	return w.recent(w.lastTick, now)
}

// recent reports whether no more than one tick is missing after one that ended at a time.
func (w Watch) recent(at, now time.Time) bool {
	interval := w.policyNow().stageAt(at.Sub(w.begin())).Interval
	return now.Sub(at) <= 2*interval+2*w.Policy.Scrape()
}
