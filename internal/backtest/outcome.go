package backtest

import (
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
)

// Outcome is what rollbackd would have said of one deployment. Its JSON form is a line of the ndjson output.
type Outcome struct {
	ID      string           `json:"id"`
	Verdict analyzer.Verdict `json:"verdict"`
	// DecidedAt is the tick at which the verdict was reached: of a watch that came to no verdict there is none.
	DecidedAt *time.Time `json:"decidedAt"`
	// Signal is the one that decided, empty if none did.
	Signal   string   `json:"signal"`
	Reason   string   `json:"reason"`
	Evidence Evidence `json:"evidence"`
	// Compared is set of a placebo only.
	Compared Comparison `json:"compared,omitempty"`
	// Indivisible says of a placebo that its pods could not be halved.
	Indivisible bool `json:"indivisible,omitempty"`

	Event event.Event `json:"-"`
	// Policy is the name of the policy that it was watched by.
	Policy string `json:"-"`
	// Next says what became of the workload, as far as the other deployments tell.
	Next string `json:"-"`
	// Err says why Prometheus could not be asked, nil if it could.
	Err error `json:"-"`
	// Courses are what each signal showed, for a chart; nil unless they were asked for.
	Courses []Course `json:"-"`
}

// Evidence is what a verdict rests on.
type Evidence struct {
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"`
	Version   string `json:"version"`
	// T0 is when the release appeared in the metrics, or else the event's own time.
	T0 time.Time `json:"t0"`
	// Until is the end of the newest tick that was judged.
	Until time.Time `json:"until,omitzero"`
	// EValue is that of all signals together and Required what acting without asking takes.
	EValue   float64 `json:"eValue"`
	Required float64 `json:"required"`
	// Asks says of a REGRESSED verdict that a person would have been asked, as the evidence did not suffice to act.
	Asks bool `json:"asksAPerson,omitempty"`
	// Signals are the assessments of the tick that decided, or else of the newest.
	Signals []analyzer.Assessment `json:"signals,omitempty"`
}

// Course is what one signal showed, tick by tick.
type Course struct {
	Signal   analyzer.Signal
	Baseline analyzer.Baseline
	Points   []Point
}

// Point is one tick of a course.
type Point struct {
	At time.Time
	// Release and Control are what the release and the old version beside it counted.
	Release, Control analyzer.Counts
	// Assessment is the judgement of that tick.
	Assessment analyzer.Assessment
}
