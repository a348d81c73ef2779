package incident

import (
	"strconv"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// instant writes t as the runbook does.
func instant(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(time.RFC3339)
}

// span writes d to the second, as "5m10s".
func span(d time.Duration) string { return d.Round(time.Second).String() }

// seconds makes a duration of a number of seconds.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// percent writes a fraction of 1 with three significant digits, for a limit of 0.55 % must not read as 1 %.
func percent(fraction float64) string { return significant(fraction*100) + " %" }

// significant writes v with three significant digits and no trailing zeros; from 100 up, with none after the point.
func significant(v float64) string {
	if v >= 100 || v <= -100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		rounded = v
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// count writes n with a comma between thousands.
func count(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// plural writes "1 tick" or "12 ticks".
func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// share writes counts as "346 of 1,000 requests".
func share(c analyzer.Counts) string { return count(c.K) + " of " + plural(c.N, "request") }

// signalWords are how a kind of signal is spoken of.
type signalWords struct {
	// Name begins a sentence; Broke is the runbook's bullet; Bad is what a counted request did.
	Name, Broke, Bad string
}

// wordsFor returns the words for a signal. Kinds that have none of their own are called by the signal's name.
func wordsFor(a analyzer.Assessment) signalWords {
	switch a.Kind {
	case analyzer.KindErrorRate:
		return signalWords{Name: "Error rate", Broke: "Error rate spike detected", Bad: "failed"}
	case analyzer.KindLatency:
		name := quantileName(a) + " latency"
		return signalWords{Name: name, Broke: name + " breach detected", Bad: "were too slow"}
	case analyzer.KindRollout:
		return signalWords{Name: "Rollout health", Broke: "Failed rollout detected"}
	case analyzer.KindSmoke:
		return signalWords{Name: "Smoke test", Broke: "Failed smoke test detected"}
	default:
		name := "Signal " + text(a.Signal)
		return signalWords{Name: name, Broke: name + " breach detected", Bad: "were bad"}
	}
}
