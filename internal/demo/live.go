package demo

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// barWidth is how many cells a bar of progress has.
const barWidth = 12

// liveLine shows a watch in one line: what is measured against which limit, and how far it has come.
func liveLine(v watch.View, signal string, w windows, now time.Time) []piece {
	pieces := []piece{{fmt.Sprintf("%-12s", v.State), stateColour(v.State)}}
	if len(v.Signals) == 0 || v.LastTick.Before(v.LandedAt) {
		return append(pieces, piece{waitingFor(v), dim})
	}
	a := shown(v.Signals, signal)
	pieces = append(pieces, measured(a)...)
	return append(pieces, progress(v, a, w, now)...)
}

// shown returns the signal that the story is about, unless only another one is in breach: that must not be hidden.
func shown(signals []analyzer.Assessment, name string) analyzer.Assessment {
	named := slices.IndexFunc(signals, func(a analyzer.Assessment) bool { return a.Signal == name })
	breach := slices.IndexFunc(signals, func(a analyzer.Assessment) bool { return a.Outcome == analyzer.OutcomeBreach })
	if breach >= 0 && (named < 0 || signals[named].Outcome != analyzer.OutcomeBreach) {
		return signals[breach]
	}
	return signals[max(named, 0)]
}

func waitingFor(v watch.View) string {
	switch v.State {
	case watch.Pending:
		return "waiting for the cluster to show " + v.Version
	case watch.Watching:
		return "waiting for the first measurement of " + v.Version
	case watch.Verifying:
		return "waiting for the first measurement of " + v.Target
	}
	return v.Reason
}

func measured(a analyzer.Assessment) []piece {
	switch a.Outcome {
	case analyzer.OutcomeBreach, analyzer.OutcomeOK:
		c := green
		if a.Outcome == analyzer.OutcomeBreach {
			c = red
		}
		if a.Kind == analyzer.KindLatency {
			return latency(a, c)
		}
		return []piece{
			{"errors ", plain}, {percent(a.Value), c},
			{", limit " + percent(a.Limit), plain}, {", baseline " + percent(a.Baseline), plain},
		}
	}
	return []piece{{"no measurement", yellow}, {": " + a.Reason, yellow}}
}

// latency shows the P95, which people think in, and the fraction over its limit, which is what is judged. It is short,
// so that a terminal of 80 columns also has room for the time held.
func latency(a analyzer.Assessment, c colour) []piece {
	return []piece{
		{fmt.Sprintf("P%g ", a.Quantile*100), plain}, {shortSeconds(a.QuantileValue), c},
		{fmt.Sprintf(", limit %g s; ", a.LimitLatency), plain},
		{fmt.Sprintf("%.3g %%", a.Value*100), c}, {fmt.Sprintf(" over it, max %.0f %%", a.Limit*100), plain},
	}
}

// progress tells how long a breach has been held, a rollback been checked or a release been watched.
func progress(v watch.View, a analyzer.Assessment, w windows, now time.Time) []piece {
	switch {
	case v.State == watch.Verifying:
		return []piece{{fmt.Sprintf(", back for %.0f s", now.Sub(v.LandedAt).Seconds()), plain}}
	case a.Outcome == analyzer.OutcomeBreach:
		return []piece{
			{fmt.Sprintf(", held %.0f of %.0f s", a.Held, a.Required), plain},
			{" " + bar(a.Held/a.Required), red},
		}
	case v.T0.IsZero():
		return nil
	}
	watched := min(v.LastTick.Sub(v.T0), w.Watch)
	return []piece{
		{fmt.Sprintf(", watched %.0f of %.0f s", watched.Seconds(), w.Watch.Seconds()), plain},
		{" " + bar(watched.Seconds()/w.Watch.Seconds()), green},
	}
}

func bar(part float64) string {
	full := int(math.Round(min(max(part, 0), 1) * barWidth))
	return strings.Repeat("▰", full) + strings.Repeat("▱", barWidth-full)
}

func stateColour(s watch.State) colour {
	switch s {
	case watch.Healthy, watch.RolledBack:
		return green
	case watch.Regressed, watch.RollingBack, watch.NotRecovered, watch.Held, watch.Failed:
		return red
	case watch.RolledBackUnverified, watch.Inconclusive:
		return yellow
	}
	return bold
}
