package incident

import (
	"time"

	"github.com/rollbackd/rollbackd/rollback"
)

// Pause records that the rollout of a release is about to be stopped, because the release is suspected to be bad.
type Pause struct {
	rollback.Pause
	// Why says what speaks against the release.
	Why string `json:"why"`
}

// Resumed records that a rollout which was stopped goes on.
type Resumed struct {
	// Pause is the ID of the pause.
	Pause string `json:"pause"`
	// Why says why it goes on.
	Why string `json:"why"`
	// Result is landed if rollbackd had it go on, and superseded if there was nothing for rollbackd to end.
	Result rollback.Result `json:"result"`
	Detail string          `json:"detail,omitempty"`
}

func tellPause(p *Pause) string {
	return "Rollout to be paused until " + p.Mark.Until.UTC().Format(time.TimeOnly) + " UTC at the latest: " + text(p.Why)
}

func tellPaused(o *Outcome) string {
	return "Pause of the rollout: " + text(string(o.Result)) + ": " + text(o.Detail)
}

func tellResumed(r *Resumed) string {
	return "The rollout goes on, because " + text(r.Why) + ": " + text(r.Detail)
}
