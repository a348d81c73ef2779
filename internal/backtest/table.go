package backtest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// Table shows outcomes to people: what is not healthy first.
type Table struct {
	out      io.Writer
	outcomes []Outcome
}

// NewTable returns a table that writes to out when it ends.
func NewTable(out io.Writer) *Table { return &Table{out: out} }

// Add takes an outcome up.
func (t *Table) Add(o Outcome) error {
	t.outcomes = append(t.outcomes, o)
	return nil
}

// gravity orders the verdicts of a table.
var gravity = map[analyzer.Verdict]int{
	analyzer.Regressed: 0, analyzer.External: 1, analyzer.SickPod: 2, analyzer.NoData: 3, analyzer.Insufficient: 4, analyzer.Healthy: 5,
}

// End writes the table, a summary below it, and the reason of each verdict that is not healthy.
func (t *Table) End() error {
	sorted := slices.Clone(t.outcomes)
	slices.SortStableFunc(sorted, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(gravity[a.Verdict], gravity[b.Verdict]), a.Event.Timestamp.Compare(b.Event.Timestamp))
	})
	rows := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "DEPLOYED\tWORKLOAD\tVERSION\tVERDICT\tAFTER\tSIGNAL\tVALUE\tLIMIT\tWHAT FOLLOWED")
	for _, o := range sorted {
		fmt.Fprintln(rows, strings.Join(o.row(), "\t"))
	}
	if err := rows.Flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(t.out, "\n%s\n", summary(sorted)); err != nil {
		return err
	}
	return t.reasons(sorted)
}

func (o Outcome) row() []string {
	after, value, limit := "-", "-", "-"
	if o.DecidedAt != nil && o.Verdict != analyzer.Healthy {
		after = o.DecidedAt.Sub(o.Evidence.T0).Round(time.Second).String()
	}
	for _, a := range o.Evidence.Signals {
		if a.Signal == o.Signal {
			value, limit = a.Shown()
		}
	}
	verdict := string(o.Verdict)
	if o.Evidence.Asks {
		verdict += " (asks)"
	}
	return []string{
		o.Event.Timestamp.UTC().Format("2006-01-02 15:04"), o.Event.Namespace + "/" + o.Event.Workload, printable(o.Event.Version),
		verdict, after, orDash(printable(o.Signal)), value, limit, printable(o.Next),
	}
}

// printable writes text that came from outside on one line and without control characters.
func printable(text string) string {
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

func orDash(text string) string { return cmp.Or(text, "-") }

func summary(outcomes []Outcome) string {
	counts := map[analyzer.Verdict]int{}
	for _, o := range outcomes {
		counts[o.Verdict]++
	}
	parts := []string{}
	for _, v := range slices.SortedFunc(maps.Keys(counts), func(a, b analyzer.Verdict) int { return cmp.Compare(gravity[a], gravity[b]) }) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[v], v))
	}
	return fmt.Sprintf("%d deployments: %s", len(outcomes), strings.Join(parts, ", "))
}

// maxReasons bounds how many reasons are shown below a table.
const maxReasons = 100

func (t *Table) reasons(outcomes []Outcome) error {
	shown := 0
	for _, o := range outcomes {
		if o.Verdict == analyzer.Healthy || shown == maxReasons {
			continue
		}
		shown++
		if _, err := fmt.Fprintf(t.out, "\n%s  %s/%s %s\n  %s\n", printable(o.ID), o.Event.Namespace, o.Event.Workload, printable(o.Event.Version), printable(o.Reason)); err != nil {
			return err
		}
	}
	return nil
}
