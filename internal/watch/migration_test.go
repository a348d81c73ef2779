package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"

	"github.com/rollbackd/rollbackd/internal/incident"
	jobs "github.com/rollbackd/rollbackd/internal/job"
	"github.com/rollbackd/rollbackd/notifier"
)

// jobTakes is how long a Job of the world runs.
const jobTakes = 20 * time.Second

type worldJob struct {
	created time.Time
	times   int
	spec    batchv1.JobSpec
}

// jobsOf is the world's side of Jobs.
type jobsOf struct{ *world }

func (j jobsOf) Create(ctx context.Context, job *batchv1.Job) error {
	return j.call(ctx, "jobs.create", func() error {
		if j.jobs[job.Name] == nil {
			j.jobs[job.Name] = &worldJob{created: time.Now(), spec: job.Spec}
		}
		j.jobs[job.Name].times++
		return nil
	})
}

func (j jobsOf) Find(ctx context.Context, job *batchv1.Job, wait time.Duration) (s jobs.Status, err error) {
	err = j.call(ctx, "jobs.find", func() error {
		found := j.jobs[job.Name]
		switch {
		case found == nil:
			s.State = jobs.Absent
		case time.Since(found.created) < jobTakes:
			s.State = jobs.Running
		default:
			s = j.ended
		}
		return nil
	})
	if err == nil && s.State == jobs.Running {
		sleep(ctx, wait)
	}
	return s, err
}

// migrating has the release change the schema, and the policy take it back.
func (w *world) migrating(when When) {
	w.announced = []string{`"version":"v2"`, `"version":"v2","schemaChange":true`}
	w.edits = append(w.edits, func(o *Options) {
		o.Jobs = jobsOf{w}
		o.Policies[0].Migration = &Migration{
			Job: []byte(jobTemplate), When: when, Timeout: 10 * time.Minute, RestoreURL: "https://wiki.example/restore",
		}
	})
}

// acted are the entries of a watch's journal that tell what was done, in their order.
func (w *world) acted() []string {
	var out []string
	for _, e := range w.entries() {
		switch e.Kind {
		case incident.KindIntent, incident.KindOutcome, incident.KindRefusal:
			out = append(out, string(e.Kind))
		case incident.KindMigration:
			out = append(out, string(e.Migration.Step))
		case incident.KindState:
			if State(e.State.To).Final() || State(e.State.To) == Verifying {
				out = append(out, e.State.To)
			}
		}
	}
	return out
}

// page is the newest text that people were paged with.
func (w *world) page() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := ""
	for _, n := range w.notices {
		if n.Severity == notifier.Page {
			text = n.Title + ": " + n.Text
		}
	}
	return text
}

func (w *world) onlyJob() *worldJob {
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Len(w.t, w.jobs, 1)
	for _, j := range w.jobs {
		return j
	}
	return nil
}

// awaitJob lets time pass until the down-migration has begun.
func (w *world) awaitJob() {
	w.t.Helper()
	for range 2000 {
		w.mu.Lock()
		begun := len(w.jobs) > 0
		w.mu.Unlock()
		if begun {
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
	w.t.Fatal("no Job was created")
}

func TestTheDatabaseIsTakenBackWithTheRelease(t *testing.T) {
	for when, order := range map[When][]string{
		Before: {"intent", "started", "succeeded", "outcome", "Verifying", "RolledBack"},
		After:  {"intent", "outcome", "Verifying", "started", "succeeded", "RolledBack"},
	} {
		t.Run(string(when), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.migrating(when)
				p := w.run()
				require.NoError(t, p.Accept(t.Context(), w.document()))
				w.await(p, RolledBack)
				require.Equal(t, order, w.acted())
				require.Len(t, w.patched(), 1)
				require.False(t, p.Watches()[0].past().SchemaChange, "it stands in the way of no later rollback")
				j := w.onlyJob()
				require.Equal(t, 1, j.times)
				require.Equal(t, "--to=v1", j.spec.Template.Spec.Containers[0].Args[0])
				require.Equal(t, "v2", j.spec.Template.Spec.Containers[0].Env[0].Value)
			})
		})
	}
}

func TestASchemaChangeWithoutAMigrationIsNotRolledBack(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.migrating(Before)
		p := w.run(func(o *Options) { o.Policies[0].Migration = nil })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		require.Contains(t, w.await(p, Held).Reason, "changed the database schema")
		require.Empty(t, w.jobs)
	})
}

// TestARolloutWithoutSchemaChangeRunsNoMigration: the policy's Job is for the releases that say so.
func TestARolloutWithoutSchemaChangeRunsNoMigration(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.migrating(Before)
		w.announced = nil
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, RolledBack)
		require.Empty(t, w.jobs)
	})
}

func TestADownMigrationThatDoesNotSucceedStopsEverything(t *testing.T) {
	for name, c := range map[string]struct {
		when    When
		ended   jobs.Status
		create  error
		state   State
		patches int
		says    []string
	}{
		"it fails before": {Before, jobs.Status{State: jobs.Failed, Why: "exit code 1", Log: "one\ntwo\nduplicate column\n"}, nil, Failed, 0,
			[]string{"the rollback failed", "nothing was rolled back, because the down-migration failed", "exit code 1", "one | two | duplicate column", "restore from backup", "https://wiki.example/restore"}},
		"it fails after": {After, jobs.Status{State: jobs.Failed, Why: "exit code 1"}, nil, Failed, 1,
			[]string{"v1 is live again, but the down-migration failed", "restore from backup"}},
		"it is never over": {Before, jobs.Status{State: jobs.Running, Why: "no node takes it"}, nil, Failed, 0, []string{"it has not ended within 10m0s", "no node takes it"}},
		"it is deleted":    {Before, jobs.Status{State: jobs.Absent}, nil, Failed, 0, []string{"it is not known what it has done"}},
		"it is refused": {Before, jobs.Status{}, &jobs.Refused{Words: "the quota of namespace shop does not allow it"}, Held, 0,
			[]string{"was not rolled back", "could not be started", "the quota of namespace shop does not allow it"}},
		"it is refused after": {After, jobs.Status{}, &jobs.Refused{Words: "rollbackd may not create Jobs"}, Failed, 1,
			[]string{"v1 is live again, but the down-migration could not be started", "rollbackd may not create Jobs"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.migrating(c.when)
				w.ended = c.ended
				w.failing(func(call string, done bool) error {
					if call == "jobs.create" && !done {
						return c.create
					}
					return nil
				})
				p := w.run()
				require.NoError(t, p.Accept(t.Context(), w.document()))
				w.await(p, c.state)
				time.Sleep(time.Minute)
				require.Len(t, w.patched(), c.patches)
				for _, words := range c.says {
					require.Contains(t, w.page(), words)
				}
			})
		})
	}
}

// TestAReleaseThatRecoversAfterItsMigrationGoesAllTheSame: it no longer fits the database.
func TestAReleaseThatRecoversAfterItsMigrationGoesAllTheSame(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.migrating(Before)
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.awaitJob()
		w.mu.Lock()
		w.errorsIn = 1
		w.mu.Unlock()
		w.await(p, RolledBack)
		require.Len(t, w.patched(), 1)
	})
}

// TestARestartOfTheRolloutDuringTheMigrationDoesNotMatter: the plan is made again for what is live.
func TestARestartOfTheRolloutDuringTheMigrationDoesNotMatter(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.migrating(Before)
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.awaitJob()
		w.mu.Lock()
		w.live.Template, w.live.Revision = podTemplate("v2+restarted"), "3"
		w.mu.Unlock()
		w.await(p, RolledBack)
		require.Len(t, w.patched(), 1)
	})
}

// TestANewerVersionDuringTheMigrationIsNotTouched, but a person must know that the database is an older one.
func TestANewerVersionDuringTheMigrationIsNotTouched(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.migrating(Before)
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.awaitJob()
		w.deploy("v3", "3")
		w.await(p, Superseded)
		require.Empty(t, w.patched())
		require.Contains(t, w.page(), "the database was taken back before that")
		require.True(t, p.Watches()[0].past().SchemaChange)
	})
}

// TestAJobThatMayHaveComeAndGoneIsNotRunAgain: nobody knows what happened while no process ran for longer than a Job stays.
func TestAJobThatMayHaveComeAndGoneIsNotRunAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.migrating(Before)
		dead := false
		w.failing(func(call string, done bool) error {
			if dead || call == "jobs.create" && done {
				dead = true
				return errDown
			}
			return nil
		})
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.awaitJob()
		p.stop()
		time.Sleep(2 * time.Hour)
		clear(w.jobs) // its time to live is over
		w.failing(nil)
		p = w.run()
		w.await(p, Failed)
		require.Empty(t, w.jobs)
		require.Empty(t, w.patched())
		require.Contains(t, w.page(), "it is not known what it has done")
	})
}

// TestKilledAtEveryCallOfAMigration is TestKilledAtEveryCall with a database that is taken back: there is one Job and one
// patch, whenever the process dies.
func TestKilledAtEveryCallOfAMigration(t *testing.T) {
	for _, when := range []When{Before, After} {
		boundaries := 0
		inBubble(t, func(t *testing.T, w *world) { w.migrating(when); boundaries = w.killedAt(0, time.Second) })
		require.Greater(t, boundaries, 90)
		for n := 1; n <= boundaries; n++ {
			down := []time.Duration{time.Second, 45 * time.Second}[n%2]
			t.Run(fmt.Sprintf("%s/down for %s/call %d", when, down, n), func(t *testing.T) {
				inBubble(t, func(t *testing.T, w *world) {
					w.migrating(when)
					w.killedAt(n, down)
					require.Len(t, w.jobs, 1)
					acted := strings.Join(w.acted(), " ")
					require.Equal(t, 1, strings.Count(acted, "succeeded"), acted)
					require.Equal(t, when == Before, slices.Index(w.acted(), "succeeded") < slices.Index(w.acted(), "outcome"), acted)
				})
			})
		}
	}
}
