package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// mostRows bounds the lists of a report that people read; the JSON has all of it.
const mostRows = 40

// Text writes a report for a terminal. Nothing in it can act on one.
func Text(out io.Writer, r Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	t := table{w}
	t.row(r.title())
	for _, warning := range r.warnings() {
		t.row("* " + warning)
	}
	t.row("", "THIS PERIOD", "PERIOD BEFORE")
	for _, f := range r.rows() {
		t.row(f.Name, f.Now, f.Before, f.Note)
	}
	if len(r.Services) > 0 {
		t.row()
		t.row("SERVICE", "DEPLOYMENTS", "CHANGE FAILURE RATE", "TIME TO RESTORE")
		for _, g := range r.Services[:min(len(r.Services), mostRows)] {
			t.row(plain(g.name()), fmt.Sprint(g.Deployments), g.FailureRate.String(), g.Restore.String())
		}
		t.more(len(r.Services))
	}
	t.row()
	t.row("WEEK OF", "DEPLOYMENTS", "CHANGE FAILURE RATE", "TIME TO RESTORE")
	for _, week := range r.Weeks {
		t.row(week.name(), fmt.Sprint(week.Deployments), week.FailureRate.String(), week.Restore.String())
	}
	t.failures(r)
	t.drills(r)
	t.reviews(r)
	return w.Flush()
}

type table struct{ w io.Writer }

// row writes one line; the writer keeps what goes wrong until it is flushed.
func (t table) row(cells ...string) {
	_, _ = fmt.Fprintln(t.w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}

func (t table) more(all int) {
	if all > mostRows {
		t.row(fmt.Sprintf("and %d more; -o json has all", all-mostRows))
	}
}

func (t table) failures(r Report) {
	if len(r.Failures) == 0 {
		return
	}
	t.row()
	t.row("BAD DEPLOYMENT", "VERSION", "BECAME", "FOUND IN", "RESTORED IN", "RECORD")
	for _, f := range r.Failures[:min(len(r.Failures), mostRows)] {
		t.row(day(f.Deployed)+" "+plain(f.Namespace+"/"+f.Workload), plain(f.Version), plain(f.State), maybe(f.Detect), maybe(f.Restore), plain(or(f.Incident, "-")))
	}
	t.more(len(r.Failures))
}

func (t table) drills(r Report) {
	t.row()
	if len(r.Drills) == 0 {
		t.row("No drill was carried out in this period.")
		return
	}
	t.row("Drills: " + r.Rehearsals.String())
	t.row("DRILL", "BECAME", "FOUND IN", "RESTORED IN", "RECORD", "RESULT")
	for _, d := range r.Drills[:min(len(r.Drills), mostRows)] {
		t.row(day(d.Deployed)+" "+plain(d.Namespace+"/"+d.Workload), plain(d.State), maybe(d.Detect), maybe(d.Restore), plain(or(d.Record, "-")), d.result())
	}
	t.more(len(r.Drills))
}

func (t table) reviews(r Report) {
	if len(r.Reviews) == 0 {
		return
	}
	t.row()
	t.row("OPEN POSTMORTEM", "DUE", "WORKLOAD", "INCIDENT")
	for _, p := range r.Reviews[:min(len(r.Reviews), mostRows)] {
		t.row(p.Name, p.due(), plain(p.Namespace+"/"+p.Workload), plain(p.Incident))
	}
	t.more(len(r.Reviews))
}

// figureRow is one line of the figures.
type figureRow struct{ Name, Now, Before, Note string }

// rows are the figures in words, the four of DORA first.
func (r Report) rows() []figureRow {
	row := func(name string, of func(Figures) string, note string) figureRow {
		return figureRow{Name: name, Now: of(r.Period), Before: of(r.Before), Note: note}
	}
	return []figureRow{
		row("Deployments", func(f Figures) string { return fmt.Sprintf("%d (%.1f a week)", f.Deployments, f.PerWeek) }, ""),
		{Name: "Lead time for changes", Now: "not known", Before: "not known", Note: "rollbackd does not see when a change was written"},
		row("Change failure rate", func(f Figures) string { return f.FailureRate.String() }, string(r.FailureRateChange)),
		row("Time to restore", func(f Figures) string { return f.Restore.String() }, ""),
		row("Time to detect", func(f Figures) string { return f.Detect.String() }, ""),
		row("Time to roll back", func(f Figures) string { return f.RollBack.String() }, ""),
		row("Rolled back", func(f Figures) string {
			return fmt.Sprintf("%d, %d of them with a person's word", f.RolledBack, f.ByPerson)
		}, ""),
		row("Bad and left live", func(f Figures) string { return fmt.Sprint(f.LeftLive) }, ""),
		row("Rollbacks that did not help", func(f Figures) string { return f.FalseRollbacks.String() }, ""),
		row("Rollbacks not verified", func(f Figures) string { return fmt.Sprint(f.Unverified) }, ""),
		row("Deployments not judged", func(f Figures) string { return fmt.Sprint(f.Unjudged) }, "superseded, aborted or without data"),
		row("Deployments not announced", func(f Figures) string { return fmt.Sprint(f.Unannounced) }, ""),
		row("Announced, never seen", func(f Figures) string { return fmt.Sprint(f.Unseen) }, "not counted as deployments"),
	}
}

func (r Report) title() string {
	where := r.Environment
	if r.Namespace != "" {
		where += "/" + r.Namespace
	}
	return fmt.Sprintf("Deployments of %s from %s to %s (%s), and the same time before", plain(where), moment(r.From), moment(r.To), days(r.Period.Days))
}

// warnings are what must be known before any figure is believed.
func (r Report) warnings() []string {
	var out []string
	switch {
	case r.RecordsFrom.IsZero():
		out = append(out, "there is no record of any deployment")
	case r.RecordsFrom.After(r.From):
		out = append(out, fmt.Sprintf("the oldest record is of %s: of the time before it nothing is known", moment(r.RecordsFrom)))
	case r.Before.Deployments == 0:
		out = append(out, fmt.Sprintf("there is no record of the period before, which began on %s", moment(r.Start())))
	}
	if n := r.Period.FailureRate; n.Of > 0 && n.Of < few {
		out = append(out, fmt.Sprintf("so few deployments (%d) say little: look at the intervals and not at the percentages", n.Of))
	}
	return out
}

// few is below how many deployments a percentage says next to nothing.
const few = 30

// String tells the times with their number: of few of them the longest in place of a percentile that is the same.
func (s Spans) String() string {
	switch {
	case s.Count == 0:
		return "-"
	case s.Count == 1:
		return span(s.Median) + " (1)"
	case s.Count < enoughForP95:
		return fmt.Sprintf("median %s, longest %s (%d)", span(s.Median), span(s.Longest), s.Count)
	}
	return fmt.Sprintf("median %s, 95th percentile %s (%d)", span(s.Median), span(s.P95), s.Count)
}

func (g Group) name() string {
	if g.Workload == "" {
		return g.Namespace
	}
	return g.Namespace + "/" + g.Workload
}

func (w Week) name() string {
	if w.Partial {
		return day(w.Begins) + " (part)"
	}
	return day(w.Begins)
}

func (p Review) due() string {
	switch {
	case p.Due.IsZero():
		return "-"
	case p.Overdue:
		return moment(p.Due) + " (overdue)"
	}
	return moment(p.Due)
}

func day(t time.Time) string    { return t.UTC().Format(time.DateOnly) }
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func maybe(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return span(*seconds)
}

// span writes a time as people say it: to the tenth of a second when it is short, and never more than two units.
func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	d = d.Round(time.Second)
	if d < 2*time.Hour {
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	if d < 48*time.Hour {
		return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%.1f days", d.Hours()/24)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// longest is how many characters of a name are shown.
const longest = 100

// plain makes text that came from anywhere one bounded line of characters that can be seen.
func plain(text string) string {
	runes := []rune(text)
	if len(runes) > longest {
		runes = append(runes[:longest-1:longest-1], '…')
	}
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = unicode.ReplacementChar
		}
	}
	return string(runes)
}

// days writes a number of days with its noun.
func days(n float64) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%.4g days", n)
}
