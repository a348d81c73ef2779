package report

import (
	"fmt"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// Rehearsals sums drills up.
type Rehearsals struct {
	Carried int `json:"carriedOut"`
	Passed  int `json:"passed"`
	// NotPassed are those that missed something, Unknown those of which nobody said what they came to.
	NotPassed int `json:"notPassed"`
	Unknown   int `json:"unknown"`
	// Detect and Restore are counted from the moment at which the bad version was put in, or from the deployment's start where that is not known.
	Detect  Spans `json:"timeToDetect"`
	Restore Spans `json:"timeToRestore"`
}

// drillOf tells of a drill by its record. What whoever carried it out measured goes before what the record alone tells: that begins with the
// first pod.
func drillOf(d incident.Digest) Drill {
	out := Drill{
		Record: d.Incident, Deployed: d.At(), Namespace: d.Namespace, Workload: d.Workload, State: d.State, Recovered: d.RolledBack && d.Recovered,
		Detect: seconds(d.Times.Started, d.Times.Decided), Restore: seconds(d.Times.Started, d.Times.Restored),
	}
	if r := d.Drilled; r != nil {
		out.Passed, out.Missed, out.RestoredBy, out.By = &r.Passed, r.Missed, r.RestoredBy, r.By
		if r.Detect != nil {
			out.Detect = r.Detect
		}
		if r.Recover != nil {
			out.Restore = r.Recover
		}
	}
	return out
}

func rehearsalsOf(drills []Drill) Rehearsals {
	out := Rehearsals{Carried: len(drills)}
	var detect, restore []float64
	for _, d := range drills {
		out.Unknown += count(d.Passed == nil)
		out.Passed += count(d.Passed != nil && *d.Passed)
		out.NotPassed += count(d.Passed != nil && !*d.Passed)
		detect, restore = add(detect, d.Detect), add(restore, d.Restore)
	}
	out.Detect, out.Restore = spansOf(detect), spansOf(restore)
	return out
}

// String sums up in one line.
func (r Rehearsals) String() string {
	out := fmt.Sprintf("%d carried out: %d passed, %d not passed", r.Carried, r.Passed, r.NotPassed)
	if r.Unknown > 0 {
		out += fmt.Sprintf(", %d without a result on record", r.Unknown)
	}
	return out + "; found in " + r.Detect.String() + ", restored in " + r.Restore.String()
}

// result says what a drill came to.
func (d Drill) result() string {
	switch {
	case d.Passed == nil:
		return "not on record"
	case *d.Passed:
		return "passed"
	}
	return "NOT passed: " + plain(or(d.Missed, "no reason is recorded"))
}
