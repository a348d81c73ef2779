package watch

import (
	"encoding/json"
	"time"
)

// When says when the database is taken back.
type When string

// Before the old version is put back, or after that.
const (
	Before When = "before"
	After  When = "after"
)

// Migration takes the database back with a release that changed its schema.
type Migration struct {
	// Job is a JobSpec of Kubernetes' batch/v1, which may hold placeholders.
	Job  json.RawMessage `json:"job"`
	When When            `json:"when"`
	// Timeout is how long the Job may take, counted from its creation.
	Timeout time.Duration `json:"timeout"`
	// RestoreURL is where people find how to restore a backup; empty if nowhere.
	RestoreURL string `json:"restoreURL,omitempty"`
}
