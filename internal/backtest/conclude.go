package backtest

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// This file puts the end of a replay into words.

// silentFor is for how long nothing has been measured of the release.
func (r *replay) silentFor() time.Duration {
	if r.measured == nil {
		return r.last.Sub(r.release.t0)
	}
	return r.last.Sub(r.measured.at)
}

// conclude puts a replay's end into words.
func (r *replay) conclude(out Outcome, d *decision) Outcome {
	out.Evidence.T0, out.Evidence.Until = r.release.t0, r.last
	if r.Courses {
		out.Courses = r.courses
	}
	switch {
	case d != nil:
	case r.excused != nil:
		d = r.excused
	default:
		d = &decision{at: r.last, Judgement: r.newest}
		if !d.measured() && r.measured != nil {
			d = r.measured
			r.why = fmt.Sprintf("nothing is recorded of the release after %s; until then", d.at.UTC().Format(time.RFC3339))
		}
		d.Verdict, d.Reason = d.AtEnd()
		d.Reason = r.why + ": " + d.Reason
	}
	out.Verdict, out.Reason = d.Verdict, d.Reason
	if out.Verdict == "" {
		out.Verdict, out.Reason = analyzer.NoData, r.why+": it ended before the first tick"
	}
	switch out.Verdict {
	case analyzer.Insufficient, analyzer.NoData:
	default:
		// A watch begins with its event, whatever it then sees of the time before.
		at := d.at
		if at.Before(r.event.Timestamp) {
			at = r.event.Timestamp
		}
		out.DecidedAt = &at
	}
	out.Evidence.EValue, out.Evidence.Required, out.Evidence.Signals = d.Evidence, d.Required, d.Signals
	out.Evidence.Asks = d.Verdict == analyzer.Regressed && d.Unproven
	for _, a := range d.Signals {
		if a.Verdict == d.Verdict {
			out.Signal = a.Signal
			break
		}
	}
	return out
}
