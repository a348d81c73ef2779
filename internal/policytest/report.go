package policytest

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/backtest"
)

// Came says what came of the test: "REGRESSED by errors, 1m0s after the deployment".
func (r Result) Came() string {
	text := string(r.Outcome.Verdict)
	if r.Outcome.Signal != "" && r.Outcome.Verdict != analyzer.Healthy { // then it is all signals
		text += " by " + r.Outcome.Signal
	}
	if after := r.After(); after != nil {
		text += fmt.Sprintf(", %s after the deployment", *after)
	}
	if r.Outcome.Evidence.Asks {
		text += ", asking a person"
	}
	return text
}

// Write tells people of the result: one line if the test passed, else also what was expected, what came, why, and how.
func (r Result) Write(w io.Writer) error {
	if len(r.Failures) == 0 {
		_, err := fmt.Fprintf(w, "ok    %s: %s: %s\n", r.File, r.Name, r.Came())
		return err
	}
	if _, err := fmt.Fprintf(w, "FAIL  %s: %s: %s\n      expected  %s\n      came      %s\n      reason    %s\n",
		r.File, r.Name, strings.Join(r.Failures, "; "), r.expect, r.Came(), r.Outcome.Reason); err != nil {
		return err
	}
	for _, c := range r.telling() {
		if err := r.writeCourse(w, c); err != nil {
			return err
		}
	}
	return nil
}

// telling are the courses of the signals that decided or should have; of all where none did.
func (r Result) telling() []backtest.Course {
	var out []backtest.Course
	for _, c := range r.Outcome.Courses {
		if c.Signal.Name == r.Outcome.Signal || r.expect.Signal != nil && c.Signal.Name == *r.expect.Signal {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return r.Outcome.Courses
	}
	return out
}

// mostTicks bounds how many ticks of a course are shown at its beginning, and at its end.
const mostTicks = 12

func (r Result) writeCourse(w io.Writer, c backtest.Course) error {
	if _, err := fmt.Fprintf(w, "\n      signal %s, baseline %s\n", c.Signal.Name, baseline(c.Baseline)); err != nil {
		return err
	}
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "        AFTER\tREQUESTS\tBAD\tBESIDE\tBAD\tVALUE\tLIMIT\tHELD\tEVIDENCE\tVERDICT")
	for i, p := range c.Points {
		left := len(c.Points) - i
		switch {
		case i >= mostTicks && left > mostTicks:
			continue
		case i > mostTicks && left == mostTicks:
			fmt.Fprintf(rows, "        … %d ticks%s\n", len(c.Points)-2*mostTicks, strings.Repeat("\t", 9))
		}
		fmt.Fprintln(rows, "        "+strings.Join(r.row(p), "\t"))
	}
	return rows.Flush()
}

func (r Result) row(p backtest.Point) []string {
	a := p.Assessment
	value, limit := a.Shown()
	if a.Outcome == analyzer.OutcomeNoData || a.Outcome == analyzer.OutcomeError {
		value = string(a.Outcome)
	}
	held := time.Duration(a.Held * float64(time.Second)).Round(time.Millisecond)
	return []string{
		p.At.Sub(r.event.Timestamp).String(),
		fmt.Sprint(p.Release.N), fmt.Sprint(p.Release.K), fmt.Sprint(p.Control.N), fmt.Sprint(p.Control.K),
		value, limit, held.String(), fmt.Sprintf("%.3g", a.Evidence), string(a.Verdict),
	}
}

// baseline says what a signal was compared with.
func baseline(b analyzer.Baseline) string {
	switch {
	case b.Problem != "":
		return "unusable: " + b.Problem
	case len(b.Values) > 0:
		return fmt.Sprintf("of %d values", len(b.Values))
	}
	return fmt.Sprintf("of %d requests of which %d bad", b.Counts.N, b.Counts.K)
}
