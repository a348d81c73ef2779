package incident

import (
	"fmt"
	"strings"
	"time"
)

// Drilled records what a drill came to, as whoever carried it out says; it stands in the annex. The times of the watch are in its journal; what
// these were held to, and who put the good version back, nobody else knows.
type Drilled struct {
	// Passed says that all went as it should, in time.
	Passed bool `json:"passed"`
	// Missed are the reasons why it was not passed, a sentence each.
	Missed []string `json:"missed,omitempty"`
	// RestoredBy is who put the good version back: rollbackd, rollbackctl, somebody else or nobody.
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

// DrillResult is what the record of a drill has of its result.
type DrillResult struct {
	Drilled
	// By is who carried it out.
	By string `json:"by"`
}

// addDrilled folds in the result of a drill. The first counts, as in the annex.
func (s *Summary) addDrilled(e Entry) {
	if s.Drilled == nil && s.Event.Drill {
		s.Drilled = &DrillResult{Drilled: *e.Drilled, By: e.Actor}
	}
}

// inWords tells the result in one line.
func (d Drilled) inWords() string {
	out := fmt.Sprintf("Drill **passed**: found to be bad after %s (target %s), well again after %s (target %s)",
		after(d.DetectedAfter), spanOfSeconds(d.DetectWithin), after(d.RecoveredAfter), spanOfSeconds(d.RecoverWithin))
	if !d.Passed {
		out = "Drill **NOT passed**: " + text(or(strings.Join(d.Missed, "; "), "no reason is recorded"))
	}
	return out + "; put back by " + or(text(d.RestoredBy), "nobody knows whom")
}

func after(seconds *float64) string {
	if seconds == nil {
		return "an unknown time"
	}
	return spanOfSeconds(*seconds)
}

// spanOfSeconds writes a time to the tenth of a second.
func spanOfSeconds(s float64) string { return seconds(s).Round(100 * time.Millisecond).String() }
