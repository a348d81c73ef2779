package incident

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// This file says in words what a latency signal showed. It is judged by the fraction of requests over the limit, but
// people think in quantiles.

// latency writes seconds as people read a latency.
func latency(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond).String()
}

func quantileName(a analyzer.Assessment) string { return fmt.Sprintf("P%g", a.Quantile*100) }

func latencyMeasured(a analyzer.Assessment) string {
	return fmt.Sprintf("%s was %s; %s of requests took longer than %s (%s, in the %s up to %s)",
		quantileName(a), latency(a.QuantileValue), percent(a.Value), latency(a.LimitLatency), share(a.Counts), span(seconds(a.Window)), instant(a.At))
}

func latencyLimit(a analyzer.Assessment) string {
	words := latency(a.LimitLatency)
	if a.SLO > 0 {
		words += fmt.Sprintf(" = the SLO of %s plus %s", latency(a.SLO), percent(a.LimitLatency/a.SLO-1))
	}
	return words + fmt.Sprintf("; the %s is over it when more than %s of requests take longer", quantileName(a), percent(a.Limit))
}
