package backtest

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/rollbackd/rollbackd/analyzer"
)

// PlaceboTable shows to people what came of placebos: those that were not left alone as healthy, and what all came to.
type PlaceboTable struct {
	out     io.Writer
	summary *PlaceboSummary
	shown   []Outcome
}

// NewPlaceboTable returns a table that writes to out when it ends.
func NewPlaceboTable(out io.Writer, summary *PlaceboSummary) *PlaceboTable {
	return &PlaceboTable{out: out, summary: summary}
}

// Add takes an outcome up.
func (t *PlaceboTable) Add(o Outcome) error {
	t.summary.Add(o)
	o.Courses = nil
	if o.Verdict == analyzer.Regressed || o.Verdict == analyzer.External || o.Verdict == analyzer.SickPod {
		t.shown = append(t.shown, o)
	}
	return nil
}

// End writes the table, the reason of each that would have been rolled back or asked about, and at last, where it is seen, the summary.
func (t *PlaceboTable) End() error {
	slices.SortStableFunc(t.shown, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(gravity(a.Verdict), gravity(b.Verdict)), a.Event.Timestamp.Compare(b.Event.Timestamp))
	})
	var text strings.Builder
	if len(t.shown) > 0 {
		rows := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
		fmt.Fprintln(rows, "PLACEBO (UTC)\tWORKLOAD\tCOMPARED\tWOULD HAVE\tDECIDED (UTC)\tSIGNAL\tVALUE\tLIMIT")
		for _, o := range t.shown {
			l := o.line()
			fmt.Fprintln(rows, strings.Join([]string{l.Time, l.Name, string(o.Compared), o.deed(), o.decided(), l.Signal, l.Value, l.Limit}, "\t"))
		}
		if err := rows.Flush(); err != nil {
			return err
		}
	}
	for i, o := range t.shown {
		if o.Verdict != analyzer.Regressed {
			continue
		}
		if i == maxReasons {
			fmt.Fprintf(&text, "\n… and more; -o ndjson has the reasons of all, -o html shows them with charts\n")
			break
		}
		fmt.Fprintf(&text, "\n%s  %s  would have %s at %s\n%s", o.line().Name, o.Compared, o.deed(), o.decided(), wrapped(plain(o.Reason, maxReason), "  "))
	}
	if len(t.shown) > 0 {
		text.WriteString("\n")
	}
	for _, s := range t.summary.Sentences() {
		text.WriteString(wrapped(s, ""))
	}
	_, err := io.WriteString(t.out, text.String())
	return err
}

// deed is what rollbackd would have done about a placebo, after "would have".
func (o Outcome) deed() string {
	switch {
	case o.Evidence.Asks:
		return "asked a person"
	case o.Verdict == analyzer.Regressed:
		return "been rolled back"
	}
	return "been left alone: " + string(o.Verdict)
}

func (o Outcome) decided() string {
	if o.DecidedAt == nil {
		return "-"
	}
	return o.DecidedAt.UTC().Format("2006-01-02 15:04:05")
}
