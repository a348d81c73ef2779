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

// Table shows outcomes to people: what is not healthy first.
type Table struct {
	out      io.Writer
	outcomes []Outcome
	summary  summary
}

// NewTable returns a table that writes to out when it ends.
func NewTable(out io.Writer) *Table { return &Table{out: out} }

// Add takes an outcome up.
func (t *Table) Add(o Outcome) error {
	o.Courses = nil // a table has no charts
	t.outcomes = append(t.outcomes, o)
	t.summary.add(o)
	return nil
}

// maxReasons bounds how many reasons are shown below a table.
const maxReasons = 100

// End writes the table, the reason of each verdict that is not healthy, and at last, where it is seen, a summary.
func (t *Table) End() error {
	sorted := slices.Clone(t.outcomes)
	slices.SortStableFunc(sorted, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(gravity(a.Verdict), gravity(b.Verdict)), a.Event.Timestamp.Compare(b.Event.Timestamp))
	})
	if err := t.rows(sorted); err != nil {
		return err
	}
	var below strings.Builder
	shown, notHealthy := 0, 0
	for _, o := range sorted {
		if o.Verdict == analyzer.Healthy {
			continue
		}
		if notHealthy++; notHealthy <= maxReasons {
			shown++
			fmt.Fprintf(&below, "\n%s", o.explained())
		}
	}
	if shown < notHealthy {
		fmt.Fprintf(&below, "\n… and %d more; -o ndjson has the reasons of all, -o html shows them with charts\n", notHealthy-shown)
	}
	fmt.Fprintf(&below, "\n%s", t.summary.text())
	_, err := io.WriteString(t.out, below.String())
	return err
}

func (t *Table) rows(outcomes []Outcome) error {
	rows := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "DEPLOYED (UTC)\tWORKLOAD\tVERSION\tVERDICT\tAFTER\tSIGNAL\tVALUE\tLIMIT\tWHAT FOLLOWED")
	for _, o := range outcomes {
		l := o.line()
		fmt.Fprintln(rows, strings.Join([]string{l.Time, l.Name, l.Version, l.verdict(), l.After, l.Signal, l.Value, l.Limit, l.Next}, "\t"))
	}
	return rows.Flush()
}

func (l line) verdict() string {
	if l.Asks {
		return string(l.Verdict) + " (asks)"
	}
	return string(l.Verdict)
}

// explained is the reason of an outcome below a line that says whose it is.
func (o Outcome) explained() string {
	l := o.line()
	return fmt.Sprintf("%s %s  %s  (%s)\n%s", l.Name, l.Version, l.verdict(), plain(o.ID, 2*maxName), wrapped(plain(o.Reason, maxReason), "  "))
}

// text is the summary in a few lines.
func (s *summary) text() string {
	var out strings.Builder
	var parts []string
	for _, v := range verdicts() {
		if s.verdicts[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", s.verdicts[v], v))
		}
	}
	fmt.Fprintf(&out, "%s, %s\n%s", count(s.deployments, "deployment"), s.span(), wrapped(strings.Join(parts, ", "), ""))
	for _, r := range s.reasons() {
		out.WriteString(wrapped(fmt.Sprintf("%d × %s", len(r.which), plain(r.why, 2*maxName)), "  not judged: "))
	}
	out.WriteString("\n" + wrapped(s.sentence(), ""))
	return out.String()
}

// lineWidth is how many characters a line of text has.
const lineWidth = 110

// wrapped breaks text into lines; the first begins with the indentation given, the others with as many spaces.
func wrapped(text, indent string) string {
	var out strings.Builder
	width := 0
	for i, word := range strings.Split(text, " ") {
		length := len([]rune(word))
		switch {
		case i == 0:
			out.WriteString(indent)
			width = len([]rune(indent))
		case width+1+length > lineWidth:
			out.WriteString("\n" + strings.Repeat(" ", len([]rune(indent))))
			width = len([]rune(indent))
		default:
			out.WriteByte(' ')
			width++
		}
		out.WriteString(word)
		width += length
	}
	return out.String() + "\n"
}
