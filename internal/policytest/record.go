package policytest

import (
	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/backtest"
)

// Summary is the result of all tests for programs.
type Summary struct {
	Passed int      `json:"passed"`
	Failed int      `json:"failed"`
	Tests  []Record `json:"tests"`
}

// Record is the result of one test for programs.
type Record struct {
	File     string      `json:"file"`
	Name     string      `json:"name"`
	Passed   bool        `json:"passed"`
	Failures []string    `json:"failures"`
	Expected Expectation `json:"expected"`
	Came     Came        `json:"came"`
	// Courses are what each signal showed, tick by tick; of failed tests only.
	Courses []Course `json:"courses,omitempty"`
}

// Came is what came of a deployment.
type Came struct {
	Verdict analyzer.Verdict `json:"verdict"`
	Signal  string           `json:"signal"`
	// AfterSeconds is how long after the deployment the verdict was reached, null if none was.
	AfterSeconds *float64 `json:"afterSeconds"`
	AsksAPerson  bool     `json:"asksAPerson"`
	Reason       string   `json:"reason"`
}

// Course is what one signal showed.
type Course struct {
	Signal string `json:"signal"`
	Ticks  []Tick `json:"ticks"`
}

// Tick is one judgement of a signal.
type Tick struct {
	AfterSeconds float64 `json:"afterSeconds"`
	// Release and Beside are what the release and the old version beside it counted in this tick.
	Release    analyzer.Counts     `json:"release"`
	Beside     analyzer.Counts     `json:"beside"`
	Assessment analyzer.Assessment `json:"assessment"`
}

// Add takes a result up.
func (s *Summary) Add(r Result) {
	if len(r.Failures) == 0 {
		s.Passed++
	} else {
		s.Failed++
	}
	s.Tests = append(s.Tests, r.record())
}

func (r Result) record() Record {
	out := Record{
		File: r.File, Name: r.Name, Passed: len(r.Failures) == 0, Failures: append([]string{}, r.Failures...), Expected: r.expect,
		Came: Came{Verdict: r.Outcome.Verdict, Signal: r.Outcome.Signal, AsksAPerson: r.Outcome.Evidence.Asks, Reason: r.Outcome.Reason},
	}
	if after := r.After(); after != nil {
		seconds := after.Seconds()
		out.Came.AfterSeconds = &seconds
	}
	if out.Passed {
		return out
	}
	for _, c := range r.Outcome.Courses {
		out.Courses = append(out.Courses, Course{Signal: c.Signal.Name, Ticks: r.ticks(c.Points)})
	}
	return out
}

func (r Result) ticks(points []backtest.Point) []Tick {
	out := make([]Tick, 0, len(points))
	for _, p := range points {
		after := p.At.Sub(r.event.Timestamp).Seconds()
		out = append(out, Tick{AfterSeconds: after, Release: p.Release, Beside: p.Control, Assessment: p.Assessment})
	}
	return out
}
