package watch

import (
	"encoding/json"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/rollbackd/rollbackd/internal/incident"
	jobs "github.com/rollbackd/rollbackd/internal/job"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what takes the database back with a release that changed its schema: the part of Next that leads from the
// intent to the Job's end. The Job's name follows from the watch alone, so that however often it is tried there is one Job.

// When says when the database is taken back.
type When string

// Before the old version is put back, or after its rollout is complete.
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

// jobSeen: the Job of the down-migration is so far, or the API server will not have it, in these words.
type jobSeen struct {
	status  jobs.Status
	refused string
}

func (jobSeen) isInput() {}

const (
	// effectMigrate creates the Job of the down-migration, unless it is there, and looks how far it is.
	effectMigrate effect = "migrate"
	// effectFindMigration only looks for it.
	effectFindMigration effect = "find-migration"
)

// migrates reports whether a rollback takes the database back too. That of a canary never does: the stable version is
// running on it as it is.
func (w Watch) migrates() bool {
	return w.Event.SchemaChange && w.Policy.Migration != nil && w.canary() == nil
}

// withMigration adds to a plan what takes the database back; nothing if the release did not change it.
func (w Watch) withMigration(p rollback.Plan) (rollback.Plan, *incident.MigrationOrder, error) {
	if !w.migrates() {
		return p, nil, nil
	}
	m := w.Policy.Migration
	j, err := jobs.Render(jobs.Order{
		Template: m.Job, Watch: w.Key, Purpose: "migration", Round: "1", Deadline: m.Timeout,
		Names: jobs.Names{Namespace: w.Event.Namespace, Workload: w.Event.Workload, Version: w.Event.Version, Target: p.ToVersion},
	})
	if err != nil {
		return p, nil, err
	}
	manifest, err := json.Marshal(j)
	if err != nil {
		return p, nil, err
	}
	p.Summary += fmt.Sprintf("; %s that, Job %s takes the database back", m.When, j.Name)
	return p, &incident.MigrationOrder{
		When: string(m.When), Job: j.Name, Manifest: manifest, Timeout: m.Timeout, RestoreURL: m.RestoreURL,
	}, nil
}

// jobOf reads the Job of an intent.
func jobOf(o incident.MigrationOrder) (*batchv1.Job, error) {
	var j batchv1.Job
	if err := json.Unmarshal(o.Manifest, &j); err != nil {
		return nil, fmt.Errorf("read the Job of the intent: %w", err)
	}
	return &j, nil
}

// applyMigration folds in how far the down-migration is.
func (w Watch) applyMigration(e incident.Entry) Watch {
	if w.intent == nil || w.intent.Migration == nil || w.intent.ID != e.Migration.Intent {
		return w
	}
	w.migration, w.migrationAt = e.Migration, e.At
	if w.migrated() {
		w.MigratedAt = e.At
	}
	return w
}

// tookSchemaBack reports whether the release's change of the database was undone together with it, so that it stands between no
// later release and an earlier version.
func (w Watch) tookSchemaBack() bool { return !w.MigratedAt.IsZero() && !w.LandedAt.IsZero() }

// migrationStep is how far the down-migration of the intent is; empty if it has not begun, or there is none.
func (w Watch) migrationStep() incident.MigrationStep {
	if w.migration == nil {
		return ""
	}
	return w.migration.Step
}

// migrated reports whether the database was taken back: the release no longer fits it, whatever its signals say.
func (w Watch) migrated() bool { return w.migrationStep() == incident.MigrationSucceeded }

// unmigrated returns the down-migration of the intent that is yet to be done at this point, or is being done; nil if there is
// none.
func (w Watch) unmigrated() *incident.MigrationOrder {
	if w.intent == nil || w.intent.Migration == nil || w.migrated() {
		return nil
	}
	switch o := w.intent.Migration; {
	case o.When == string(Before) && w.State == RollingBack && (w.outcome == nil || w.outcome.Intent != w.intent.ID):
		return o
	case o.When == string(After) && w.State == Verifying:
		return o
	}
	return nil
}

// wantedMigration says what the down-migration wants done, and false if it wants nothing. Until its Job exists an intent is
// only carried out as others are: while it is trusted, or on a fresh tick that shows the breach. From then on nothing is waited
// for: the Job must end, and after it the release must go.
func (w Watch) wantedMigration(now time.Time) (effect, bool) {
	o := w.unmigrated()
	switch {
	case w.migrated() && w.State == RollingBack && w.intent.Migration.When == string(Before):
		return w.wantedMigrated(now), true
	case o == nil:
		return effectNone, false
	case w.migrationEnded():
		return effectNone, true // the clock concludes
	case w.State == Verifying:
		if w.restoredRollout.IsZero() {
			return effectNone, false
		}
		return effectMigrate, true
	case w.migration != nil, w.trusts(now):
		return effectMigrate, true
	case !w.lookedUp:
		return effectFindMigration, true
	case w.ordered != nil && now.Sub(w.ordered.At) <= w.Policy.Verify.Deadline, w.breaching(now) && w.lastTick.After(w.intentAt):
		return effectMigrate, true
	}
	return effectNone, true
}

// wantedMigrated carries the intent out whose Job has ended well. What was tried by another process, or in vain, is looked up.
func (w Watch) wantedMigrated(now time.Time) effect {
	fresh := now.Sub(w.migrationAt) <= intentTrusted && w.migrationAt.After(w.resumed)
	switch {
	case w.outcome != nil && w.outcome.Intent == w.intent.ID:
		return effectNone
	case !fresh && !w.lookedUp:
		return effectCheckLanded
	}
	return effectApply
}

// migrationEnded reports whether the Job has ended without success, or could not be created.
func (w Watch) migrationEnded() bool {
	return w.migrationStep() == incident.MigrationFailed || w.migrationStep() == incident.MigrationRefused
}

// actingSince is from when on the carrying out of the intent is timed.
func (w Watch) actingSince() time.Time {
	if w.migrated() && w.migrationAt.After(w.intentAt) {
		return w.migrationAt
	}
	return w.intentAt
}

// verifyingSince is from when on it is measured whether the rollback helped: before that, the old version ran on the new schema.
func (w Watch) verifyingSince() time.Time {
	if w.migrated() && w.migrationAt.After(w.restoredRollout) {
		return w.migrationAt
	}
	return w.restoredRollout
}

// wellSince is since when every signal has been within its limit, with the database as it is now.
func (w Watch) wellSince() time.Time {
	if w.recoveredSince.IsZero() || !w.migrated() || w.recoveredSince.After(w.migrationAt) {
		return w.recoveredSince
	}
	return w.migrationAt
}

// jobSeen notes how far the Job is.
func (s *step) jobSeen(in jobSeen) {
	o := s.watch.unmigrated()
	if o == nil || s.watch.migrationEnded() {
		return
	}
	begun := s.watch.migration != nil
	m := incident.Migration{Created: in.status.Created, Finished: in.status.Finished, Log: in.status.Log}
	switch {
	case in.refused != "" && !begun:
		m.Step, m.Detail = incident.MigrationRefused, in.refused
	case in.refused != "" || in.status.State == jobs.Running:
		if s.stillMigrating(*o, in) {
			return
		}
		m.Step, m.Detail = incident.MigrationFailed, fmt.Sprintf("it has not ended within %s, and may still be running: %s", o.Timeout, jobs.Line(in.refused+in.status.Why, maxWhy))
	case in.status.State == jobs.Complete:
		m.Step = incident.MigrationSucceeded
	case in.status.State == jobs.Failed:
		m.Step, m.Detail = incident.MigrationFailed, jobs.Line(in.status.Why, maxWhy)
	default:
		m.Step, m.Detail = incident.MigrationFailed, "it is not in the cluster any more, and it is not known what it has done"
	}
	s.addMigration(m)
	s.concludeMigration()
}

// stillMigrating notes that the Job has begun, and reports whether it may take longer.
func (s *step) stillMigrating(o incident.MigrationOrder, in jobSeen) bool {
	if s.watch.migration == nil {
		s.addMigration(incident.Migration{Step: incident.MigrationStarted, Created: in.status.Created})
	}
	return !s.overtime(s.watch.migrationAt, o.Timeout+2*jobGrace)
}

func (s *step) addMigration(m incident.Migration) {
	m.Intent, m.Job = s.watch.intent.ID, s.watch.intent.Migration.Job
	s.add(incident.Entry{Kind: incident.KindMigration, Migration: &m})
}

// concludeMigration makes of a Job that has ended the state that it leads to, and reports whether it ends the watch. Where it
// succeeded, the intent is carried out, or the check of what was carried out goes on.
func (s *step) concludeMigration() bool {
	if !s.watch.migrationEnded() || s.watch.unmigrated() == nil {
		return false
	}
	reason := s.watch.migrationFailure()
	switch {
	case s.watch.State == Verifying:
		s.become(Failed, s.watch.intent.Plan.ToVersion+" is live again, but "+reason)
	case s.watch.migrationStep() == incident.MigrationRefused:
		s.withdrawn(withdrawn{refusal: &rollback.Refusal{Code: rollback.RefuseSchemaChange, Reason: reason}})
	default:
		s.applied(applied{result: rollback.Failed, detail: "nothing was rolled back, because " + reason})
	}
	return true
}

// How much of the Job's log a page shows.
const (
	pagedLines = 5
	pagedChars = 500
)

// migrationFailure tells a person what failed and what is left to do, in the words of the runbook.
func (w Watch) migrationFailure() string {
	m, o := w.migration, w.intent.Migration
	did := "the down-migration failed"
	if m.Step == incident.MigrationRefused {
		did = "the down-migration could not be started"
	}
	text := fmt.Sprintf("%s (Job %s/%s): %s", did, w.Event.Namespace, m.Job, m.Detail)
	if end := jobs.Tail(m.Log, pagedLines, pagedChars); end != "" {
		text += fmt.Sprintf("; its log ends with: %s", end)
	}
	if m.Step == incident.MigrationRefused {
		return text
	}
	text += "; a person must look at the database now, and if it cannot be mended, follow the runbook's last resort, restore from backup, which is never done automatically"
	if o.RestoreURL != "" {
		text += ": " + o.RestoreURL
	}
	return text
}

// migrationNote says, where a watch ends, what else a person must know of the database.
func (w Watch) migrationNote(to State) string {
	if !to.Final() || w.intent == nil || w.intent.Migration == nil || w.migrationEnded() {
		return ""
	}
	job := fmt.Sprintf("Job %s/%s", w.Event.Namespace, w.intent.Migration.Job)
	switch {
	case w.migrationStep() == incident.MigrationStarted:
		return fmt.Sprintf("; the down-migration (%s) had begun, and its end was not seen, so a person must look at the database", job)
	case w.migrated() && (to == Superseded || to == Held || to == Failed):
		return fmt.Sprintf("; the database was taken back before that (%s), so a person must make sure that what is live fits it", job)
	case w.unmigrated() != nil && w.State == Verifying:
		return fmt.Sprintf("; the down-migration (%s) was not run", job)
	}
	return ""
}

// alarming reports whether the database makes a matter for a person of an end that is none otherwise.
func (w Watch) alarming(to State) bool {
	return to == Superseded && w.migration != nil && !w.migrationEnded()
}
