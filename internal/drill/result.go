// Package drill says what a rehearsal of a rollback came to. It is pure.
package drill

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// Targets are how soon after the bad version was put in it must be found, and the service be well again.
type Targets struct {
	Detect, Recover time.Duration
}

// Step is one thing that a drill waits for.
type Step struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
	// After is how long after the bad version was put in it came, in seconds.
	After float64 `json:"afterSeconds"`
}

// The steps, in their order.
const (
	StepStarted   = "first pod of the bad version"
	StepBad       = "first bad measurement"
	StepDecided   = "proven bad"
	StepLanded    = "rolled back"
	StepRecovered = "recovered"
)

// Restorer is who gave the workload its good version back.
type Restorer string

// Those who may have.
const (
	ByRollbackd   Restorer = "rollbackd"
	ByRollbackctl Restorer = "rollbackctl"
	BySomebody    Restorer = "somebody else"
	// ByNobody: it is not known to have it back.
	ByNobody Restorer = "nobody"
)

// Result is what a drill came to.
type Result struct {
	ID          string `json:"id"`
	Environment string `json:"environment"`
	Namespace   string `json:"namespace"`
	Workload    string `json:"workload"`
	Kind        string `json:"kind"`
	Version     string `json:"version"`
	Policy      string `json:"policy"`
	// Watch is the key of the watch that followed it, empty if none did; Record the name of the folder that it is filed under.
	Watch  string `json:"watch,omitempty"`
	Record string `json:"record,omitempty"`
	// State is the watch's last state, and Reason why it is in it.
	State  string `json:"state,omitempty"`
	Reason string `json:"reason,omitempty"`

	AppliedAt time.Time `json:"appliedAt"`
	Steps     []Step    `json:"steps"`
	// DetectWithin and RecoverWithin are the targets, in seconds.
	DetectWithin  float64 `json:"detectWithinSeconds"`
	RecoverWithin float64 `json:"recoverWithinSeconds"`

	// Passed says that rollbackd did all of it in time; Missed are the reasons why not, a sentence each.
	Passed     bool     `json:"passed"`
	Missed     []string `json:"missed"`
	RestoredBy Restorer `json:"restoredBy"`
	// Unrecorded says why the result is not in the record of the drill; empty if it is.
	Unrecorded string `json:"unrecorded,omitempty"`
}

// Conclude fills in the steps from what is on record of the watch, and whether the targets were met. Times before the bad version was
// put in are of other clocks by less than their resolution, and count as none at all.
func (r Result) Conclude(d incident.Digest, t Targets) Result {
	r.Watch, r.Record, r.State, r.Reason = d.Watch, d.Incident, d.State, d.Reason
	r.DetectWithin, r.RecoverWithin = t.Detect.Seconds(), t.Recover.Seconds()
	r.Steps, r.Missed = []Step{}, []string{}
	for _, s := range []struct {
		name string
		at   time.Time
	}{
		{StepStarted, d.Times.Started}, {StepBad, d.Times.FirstBad}, {StepDecided, d.Times.Decided}, {StepLanded, d.Times.Landed}, {StepRecovered, d.Times.Restored},
	} {
		if !s.at.IsZero() {
			r.Steps = append(r.Steps, Step{Name: s.name, At: s.at, After: max(0, s.at.Sub(r.AppliedAt)).Round(time.Millisecond).Seconds()})
		}
	}
	r.late("found to be bad", d.Times.Decided, t.Detect)
	r.late("well again by a rollback", d.Times.Restored, t.Recover)
	if r.RestoredBy != ByRollbackd {
		r.Missed = append(r.Missed, fmt.Sprintf("the good version was put back by %s, and not by rollbackd", r.RestoredBy))
	}
	r.Passed = len(r.Missed) == 0
	return r
}

// ForRecord is what the record of the drill is to have of it.
func (r Result) ForRecord() control.DrillResult {
	out := control.DrillResult{
		Passed: r.Passed, Missed: r.Missed, RestoredBy: string(r.RestoredBy), AppliedAt: r.AppliedAt, DetectWithin: r.DetectWithin, RecoverWithin: r.RecoverWithin,
	}
	for _, s := range r.Steps {
		switch s.Name {
		case StepDecided:
			out.DetectedAfter = &s.After
		case StepRecovered:
			out.RecoveredAfter = &s.After
		}
	}
	return out
}

// late notes a target that was missed.
func (r *Result) late(what string, at time.Time, within time.Duration) {
	switch after := at.Sub(r.AppliedAt).Round(100 * time.Millisecond); {
	case at.IsZero():
		r.Missed = append(r.Missed, fmt.Sprintf("it was not %s (target %s)", what, within))
	case after > within:
		r.Missed = append(r.Missed, fmt.Sprintf("it was %s after %s, later than the target of %s", what, after, within))
	}
}
