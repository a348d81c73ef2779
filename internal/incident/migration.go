package incident

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// MigrationOrder is the part of an intent that takes the database back.
type MigrationOrder struct {
	// When is before or after the old version is put back.
	When string `json:"when"`
	// Job is the name of the Job in the workload's namespace, Manifest all of it as it is created.
	Job      string          `json:"job"`
	Manifest json.RawMessage `json:"manifest"`
	// Timeout is how long the Job may take.
	Timeout time.Duration `json:"timeout"`
	// RestoreURL is where people find how to restore a backup; empty if nowhere.
	RestoreURL string `json:"restoreURL,omitempty"`
}

// MigrationStep is how far a down-migration is.
type MigrationStep string

// The steps of a down-migration.
const (
	// MigrationStarted: its Job is in the cluster.
	MigrationStarted MigrationStep = "started"
	// MigrationSucceeded and MigrationFailed: its Job has ended so. A Job that took too long, or of which it is not known what
	// became of it, has failed.
	MigrationSucceeded MigrationStep = "succeeded"
	MigrationFailed    MigrationStep = "failed"
	// MigrationRefused: its Job could not be created.
	MigrationRefused MigrationStep = "refused"
)

// Migration records how far the down-migration of an intent is.
type Migration struct {
	Intent string        `json:"intent"`
	Job    string        `json:"job"`
	Step   MigrationStep `json:"step"`
	Detail string        `json:"detail,omitempty"`
	// Created and Finished are the Job's, by the cluster's clock.
	Created  time.Time `json:"created,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	// Log is the end of what the Job wrote, with secrets masked and control characters escaped.
	Log string `json:"log,omitempty"`
}

// MigrationSummary is what a journal tells of the down-migration.
type MigrationSummary struct {
	When       string `json:"when"`
	RestoreURL string `json:"restoreURL,omitempty"`
	Migration
}

// orderMigration notes that an intent holds a down-migration.
func (s *Summary) orderMigration(i *Intent) {
	s.Migration = nil
	if m := i.Migration; m != nil {
		s.Migration = &MigrationSummary{When: m.When, RestoreURL: m.RestoreURL, Migration: Migration{Intent: i.ID, Job: m.Job}}
	}
}

func (s *Summary) migrate(m *Migration) {
	if s.Migration == nil || s.Migration.Intent != m.Intent {
		return
	}
	created := s.Migration.Created
	s.Migration.Migration = *m
	if m.Created.IsZero() {
		s.Migration.Created = created
	}
}

// failed reports whether the database was to be taken back and is not known to have been.
func (m *MigrationSummary) failed() bool {
	return m != nil && (m.Step == MigrationFailed || m.Step == MigrationRefused)
}

// outcome says what became of the down-migration.
func (m MigrationSummary) outcome() string {
	what := "not begun"
	switch m.Step {
	case MigrationStarted:
		what = "begun, and its end is not recorded"
	case MigrationSucceeded:
		what = "succeeded"
	case MigrationFailed:
		what = "**failed**"
	case MigrationRefused:
		what = "could not be started"
	}
	if m.Detail != "" {
		what += ": " + text(m.Detail)
	}
	if !m.Finished.IsZero() {
		what += ", ended at " + instant(m.Finished)
	}
	return what
}

// shownLines is how many lines of the log timeline.md shows; incident.json has all that was kept.
const shownLines = 20

// migrationLog shows the end of what the Job wrote.
func (s Summary) migrationLog(p *page) {
	if s.Migration == nil || strings.TrimSpace(s.Migration.Log) == "" {
		return
	}
	lines := strings.Split(strings.TrimRight(s.Migration.Log, "\n"), "\n")
	lines = lines[max(0, len(lines)-shownLines):]
	longest := 2
	for i := range lines {
		lines[i] = clean(lines[i], maxText)
		longest = max(longest, longestRun(lines[i], '`'))
	}
	fence := strings.Repeat("`", longest+1)
	p.line("\nThe end of the down-migration's log:\n\n%s\n%s\n%s", fence, strings.Join(lines, "\n"), fence)
}

func tellMigration(m *Migration) string {
	if m.Step == MigrationStarted {
		return "Down-migration, Job " + code(m.Job) + ": begun"
	}
	return "Down-migration, Job " + code(m.Job) + ": " + MigrationSummary{Migration: *m}.outcome()
}

// afterMigration is what cannot wait where the database may not fit what is live.
func (s Summary) afterMigration() []string {
	m := s.Migration
	if m == nil {
		return nil
	}
	logs := code(s.kubectl("logs job/" + shell(m.Job) + " --all-containers"))
	restore := "If the database cannot be mended, restore it from the backup, as the runbook's last resort (option B, restore from backup); rollbackd never does that by itself"
	if m.RestoreURL != "" {
		restore += ": " + code(m.RestoreURL)
	}
	switch {
	case m.failed() && s.RolledBack:
		return []string{"**Act now:** the old version is live, and the database was not taken back. See why: " + logs, restore}
	case m.Step == MigrationFailed:
		return []string{"**Act now:** the database may be half way between two schemas. See what the down-migration did: " + logs, restore}
	case m.Step == MigrationStarted && s.Final:
		return []string{"**Act now:** the down-migration had begun, and its end was not seen: " + logs, restore}
	case m.Step == MigrationSucceeded && !s.RolledBack && s.Final:
		return []string{fmt.Sprintf("**Act now:** the database was taken back, and version %s was not: make sure that what is live fits it", or(text(s.version()), "unknown")), restore}
	}
	return nil
}
