package control

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// The verbs about drills.
const (
	// MayDrill asks whether a drill of a workload may begin; it changes nothing.
	MayDrill Verb = "drill"
	// Drilled tells what a drill came to, for its record.
	Drilled Verb = "drilled"
)

// Drill is what the daemon knows of a workload of which a drill may begin.
type Drill struct {
	// UID is that of the workload in the daemon's cluster: whoever finds another one is at another cluster.
	UID string `json:"uid"`
	// Policy is the name of the policy by which the drill will be judged.
	Policy string `json:"policy"`
	// Now is the daemon's time at the answer, which the times of its records go by.
	Now time.Time `json:"now"`
	// VersionLabels are the labels by which the daemon tells which version a pod template is.
	VersionLabels []string `json:"versionLabels,omitempty"`
}

// DrillResult is what whoever carried a drill out says that it came to.
type DrillResult struct {
	Passed bool `json:"passed"`
	// Missed are the reasons why it was not passed, a sentence each; there are some if and only if it was not.
	Missed []string `json:"missed,omitempty"`
	// RestoredBy is who put the good version back, one of Restorers.
	RestoredBy string `json:"restoredBy"`
	// AppliedAt is when the bad version was put in, by the daemon's clock.
	AppliedAt time.Time `json:"appliedAt"`
	// DetectWithin and RecoverWithin are the targets, and DetectedAfter and RecoveredAfter what came of them, in seconds from AppliedAt; nil if
	// that did not come.
	DetectWithin   float64  `json:"detectWithinSeconds"`
	RecoverWithin  float64  `json:"recoverWithinSeconds"`
	DetectedAfter  *float64 `json:"detectedAfterSeconds,omitempty"`
	RecoveredAfter *float64 `json:"recoveredAfterSeconds,omitempty"`
}

// Restorers are those who may have put the good version back after a drill.
func Restorers() []string { return []string{"rollbackd", "rollbackctl", "somebody else", "nobody"} }

const (
	// mostMissed is how many reasons a drill may have missed by.
	mostMissed = 8
	// longestDrill is how many seconds anything of a drill may take: a week.
	longestDrill = 7 * 24 * 3600
)

func (a Asked) checkDrilled() error {
	r := a.Drilled
	switch {
	case a.Watch == "":
		return errors.New(`field "watch" is missing: drilled needs the key of the drill's watch, as rollbackctl list shows it`)
	case r == nil:
		return errors.New(`field "drilled" is missing: it is what the drill came to`)
	case !slices.Contains(Restorers(), r.RestoredBy):
		return fmt.Errorf(`field "drilled.restoredBy" is not one of %q`, Restorers())
	case r.Passed != (len(r.Missed) == 0) || len(r.Missed) > mostMissed:
		return fmt.Errorf(`field "drilled.missed": a drill that was not passed has 1 to %d reasons, one that was has none`, mostMissed)
	case r.AppliedAt.IsZero() || r.AppliedAt.Year() > 9999 || r.AppliedAt.Year() < 1:
		return errors.New(`field "drilled.appliedAt" is missing: it is when the bad version was put in`)
	}
	for _, missed := range r.Missed {
		if missed == "" || len(missed) > maxReason || !printable(missed) {
			return fmt.Errorf(`field "drilled.missed": a reason is empty, longer than %d bytes or has characters that cannot be printed`, maxReason)
		}
	}
	for _, s := range []*float64{&r.DetectWithin, &r.RecoverWithin, r.DetectedAfter, r.RecoveredAfter} {
		if s != nil && !(*s >= 0 && *s <= longestDrill) {
			return fmt.Errorf(`field "drilled": %g seconds are no time that a drill takes: 0 to %d`, *s, longestDrill)
		}
	}
	return nil
}
