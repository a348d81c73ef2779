package backtest

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rollbackd/rollbackd/analyzer"
)

// The bounds, in characters, of what is quoted from an event or from metrics.
const (
	maxName   = 80
	maxReason = 1000
)

// nbsp is a space at which no line breaks.
const nbsp = '\u00a0'

// plain makes text that came from outside one bounded line of visible characters: others are written as Go writes them.
func plain(text string, most int) string {
	var out strings.Builder
	written := 0
	for _, r := range text {
		if written == most {
			out.WriteRune('…')
			break
		}
		written++
		if unicode.IsPrint(r) || r == nbsp {
			out.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		out.WriteString(quoted[1 : len(quoted)-1])
	}
	return out.String()
}

// short writes a span of time without the zeros at its end: "3h", "34m26s".
func short(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// rough writes how long it took until something else happened: to the minute, and to the hour where it took days.
func rough(d time.Duration) string {
	switch {
	case d < time.Hour:
		return short(d)
	case d < 48*time.Hour:
		return short(d.Round(time.Minute))
	}
	hours := int(d.Round(time.Hour) / time.Hour)
	return fmt.Sprintf("%dd%dh", hours/24, hours%24)
}

// grouped writes a number with a space between its thousands; immense ones are only said to be such.
func grouped(f float64) string {
	switch {
	case f != f: // NaN
		return "unknown"
	case f > 1e15:
		return "over a thousand million million"
	case f < 100:
		return strconv.FormatFloat(f, 'g', 2, 64)
	}
	digits := strconv.FormatFloat(f, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + string(nbsp) + digits[i:]
	}
	return digits
}

func orDash(text string) string { return cmp.Or(text, "-") }

// gravity orders verdicts: what is to be looked at first comes first.
func gravity(v analyzer.Verdict) int {
	for i, other := range verdicts() {
		if v == other {
			return i
		}
	}
	return len(verdicts())
}

func verdicts() []analyzer.Verdict {
	return []analyzer.Verdict{analyzer.Regressed, analyzer.External, analyzer.SickPod, analyzer.NoData, analyzer.Insufficient, analyzer.Healthy}
}

// meaning says what a verdict means to somebody who has not read how it is reached.
func meaning(v analyzer.Verdict) string {
	switch v {
	case analyzer.Regressed:
		return "proven bad: rolled back, or a person asked"
	case analyzer.External:
		return "failing, but not by this release's doing"
	case analyzer.SickPod:
		return "one of its pods failing, not the version"
	case analyzer.NoData:
		return "nothing, or nothing usable, was recorded"
	case analyzer.Insufficient:
		return "measured, but too little to say either"
	case analyzer.Healthy:
		return "watched to the end, and nothing was wrong"
	}
	return ""
}

// line is an outcome as one row of a table, in words that are safe to print.
type line struct {
	Time, Name, Version, After, Signal, Value, Limit, Next string
	// Verdict is one of the analyzer's.
	Verdict analyzer.Verdict
	// Asks says that a person would have been asked.
	Asks bool
}

// line says of an outcome what fits into a row. What a healthy release showed last decided nothing and is left out, and so is
// a value that was not measured.
func (o Outcome) line() line {
	l := line{
		Time: o.Event.Timestamp.UTC().Format("2006-01-02 15:04"), Name: plain(o.Event.Namespace+"/"+o.Event.Workload, 2*maxName),
		Version: plain(o.Event.Version, maxName), Verdict: analyzer.Verdict(plain(string(o.Verdict), maxName)), Asks: o.Evidence.Asks, Next: plain(o.Next, 2*maxName),
		After: "-", Signal: "-", Value: "-", Limit: "-",
	}
	if o.Verdict == analyzer.Healthy {
		return l
	}
	if o.DecidedAt != nil {
		l.After = short(o.DecidedAt.Sub(o.Evidence.T0))
	}
	l.Signal = orDash(plain(o.Signal, maxName))
	if a := o.decisive(); a != nil && (a.Outcome == analyzer.OutcomeOK || a.Outcome == analyzer.OutcomeBreach) {
		value, limit := a.Shown()
		l.Value, l.Limit = plain(value, maxName), plain(limit, maxName)
	}
	return l
}

// decisive is the assessment of the signal that decided, nil if none did.
func (o Outcome) decisive() *analyzer.Assessment {
	for i, a := range o.Evidence.Signals {
		if a.Signal == o.Signal {
			return &o.Evidence.Signals[i]
		}
	}
	return nil
}
