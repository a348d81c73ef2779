package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// migrates has the policy take the database back by a Job that ends in this way.
func migrates(when, ends string) func(*settings) {
	return func(s *settings) {
		s.Migration = "{when: " + when + ", timeout: 1m, restoreURL: \"https://wiki.example/restore\", job: " + jobYAML(ends, "--to={target}") + "}"
	}
}

// announceSchemaChange publishes the event of a release that changed the database.
func (s *service) announceSchemaChange(d *daemon, id, version string) {
	s.t.Helper()
	e := s.announcement(d, id, version)
	e.SchemaChange = true
	publishEvent(s.t, d, e)
}

// noJobs forbids Jobs in the test's namespace by a quota, and waits until it counts.
func (w *world) noJobs(t *testing.T) {
	t.Helper()
	quotas := w.client.CoreV1().ResourceQuotas(namespaceOf(t))
	none := corev1.ResourceList{"count/jobs.batch": resource.MustParse("0")}
	_, err := quotas.Create(t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "no-jobs"}, Spec: corev1.ResourceQuotaSpec{Hard: none},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	probe := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "probe"}, Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{
		Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "main", Image: "x"}}},
	}}}
	eventually(t, 20*time.Second, func() (bool, string) {
		_, err := w.client.BatchV1().Jobs(namespaceOf(t)).Create(t.Context(), probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return apierrors.IsForbidden(err), "the quota does not count yet"
	})
}

// created are the calls of the daemon that created a Job in the service's namespace.
func (s *service) created() []localstack.AuditEvent {
	s.t.Helper()
	s.rollbacks() // the log is written by then
	events, err := s.w.stack.Audit(s.t.Context(), localstack.AuditQuery{Verb: "create", Resource: "jobs", Namespace: s.Namespace, User: daemonUser(s.Namespace)})
	require.NoError(s.t, err)
	var made []localstack.AuditEvent
	for _, e := range events {
		if e.Code < 300 {
			made = append(made, e)
		}
	}
	return made
}

// TestTheDatabaseIsTakenBackWithTheRelease: the Job has ended before the patch, or begins after the rollout of the rollback.
func TestTheDatabaseIsTakenBackWithTheRelease(t *testing.T) {
	w := onStack(t)
	for _, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			d := newDaemon(t, w, migrates(when, "hang"))
			s := newService(t, w)
			s.deploy("v2", sampleapp.FailingThird())
			s.announceSchemaChange(d, "schema", "v2")
			j := w.awaitJob(t, "migration")
			require.Equal(t, "--to=v1", j.Spec.Template.Spec.Containers[0].Args[0])
			if when == "before" {
				require.Empty(t, s.rollbacks())
			}
			w.endJobs(t, func() string { return "succeed" })
			v := d.awaitState("schema", 90*time.Second, watch.RolledBack)

			s.requireLive("v1")
			patches, jobs := s.rollbacks(), w.jobs(t, "migration")
			require.Len(t, patches, 1)
			require.Len(t, s.created(), 1)
			require.Len(t, jobs, 1)
			if when == "before" {
				require.False(t, patches[0].Time.Before(jobs[0].Status.CompletionTime.Time), "the patch came at %s, the end of the Job at %s", patches[0].Time, jobs[0].Status.CompletionTime)
			} else {
				require.False(t, s.created()[0].Time.Before(patches[0].Time), "the Job came first")
			}
			requireIncidentSays(t, d, v, "Database: to be taken back by Job `rollbackd-migration-checkout-.*` "+when+" the change; the down-migration succeeded")
		})
	}
}

// TestAFailedDownMigrationStopsEverything: nothing is patched, and a person is paged.
func TestAFailedDownMigrationStopsEverything(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, migrates("before", "fail"))
	s := newService(t, w)
	s.deploy("v2", sampleapp.FailingThird())
	s.announceSchemaChange(d, "schema", "v2")
	v := d.awaitState("schema", 90*time.Second, watch.Failed)

	require.Contains(t, v.Reason, "the down-migration failed")
	require.Contains(t, v.Reason, "ended with exit code 1")
	require.Contains(t, v.Reason, "restore from backup")
	require.Contains(t, v.Reason, "https://wiki.example/restore")
	require.Empty(t, s.rollbacks())
	s.requireLive("v2")
	d.awaitLogged("is bad and the rollback failed")
	require.Contains(t, v.Reason, `its log ends with: connecting to postgres://app:***@db:5432/shop | DB_PASSWORD=*** | the work of this Job is simulated | \x1b[31mit ends here`)
	requireIncidentSays(t, d, v, "\nDB_PASSWORD=\\*\\*\\*\nthe work of this Job is simulated\n")
	requireIncidentSays(t, d, v, `\*\*Act now:\*\* the database may be half way between two schemas`)
}

// TestADownMigrationThatTheQuotaRefusesIsHeld: the words of the API server reach a person.
func TestADownMigrationThatTheQuotaRefusesIsHeld(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, migrates("before", "succeed"))
	s := newService(t, w)
	w.noJobs(t)
	s.deploy("v2", sampleapp.FailingThird())
	s.announceSchemaChange(d, "schema", "v2")
	v := d.awaitState("schema", 90*time.Second, watch.Held)
	require.Contains(t, v.Reason, "the quota of namespace "+s.Namespace+" does not allow it")
	require.Empty(t, s.rollbacks())
}

// TestKilledAroundAMigration: SIGKILL before the Job is created, after it, while it runs, and between its end and the patch. There
// is one Job and one patch, whatever had happened by then.
func TestKilledAroundAMigration(t *testing.T) {
	w := onStack(t)
	for _, c := range []struct {
		name, method, object string
		landed               bool
		// jobs is how many there are when the daemon is killed.
		jobs int
	}{
		{"before the Job", http.MethodPost, "/jobs", false, 0},
		{"after the Job", http.MethodPost, "/jobs", true, 1},
		{"before the patch", http.MethodPatch, "/deployments/checkout", false, 1},
		{"after the patch", http.MethodPatch, "/deployments/checkout", true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			proxy := newAPIProxy(t, w)
			d := newDaemon(t, w, func(s *settings) { migrates("before", "hang")(s); s.Kubeconfig = proxy.kubeconfig })
			s := newService(t, w)
			s.deploy("v2", sampleapp.FailingThird())
			var h *hold
			if c.method == http.MethodPost {
				h = proxy.holdUp(c.method, c.object, c.landed)
				s.announceSchemaChange(d, "killed", "v2")
			} else { // the Deployment is patched for other reasons before
				s.announceSchemaChange(d, "killed", "v2")
				w.awaitJob(t, "migration")
				h = proxy.holdUp(c.method, c.object, c.landed)
			}
			w.endJobs(t, func() string { return "succeed" })
			h.await(t, time.Minute)
			d.awaitState("killed", 10*time.Second, watch.RollingBack)
			d.kill()
			require.Len(t, w.jobs(t, "migration"), c.jobs)

			proxy.pass()
			d.start(w)
			d.awaitReady()
			d.awaitState("killed", 90*time.Second, watch.RolledBack)
			require.Len(t, s.created(), 1)
			require.Len(t, s.rollbacks(), 1)
			s.requireLive("v1")
		})
	}
}

// TestTheDatabaseIsTakenBackBeforeASwitch is the same for a blue-green deployment: it is switched back once the Job has ended, although
// the release is well again by then.
func TestTheDatabaseIsTakenBackBeforeASwitch(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, migrates("before", "hang"))
	p := newPair(t, w)
	p.deployGreen("v2", sampleapp.FailingThird())
	e := p.announcement(d, "switched", "v2")
	e.SchemaChange = true
	p.announce(d, e)
	w.awaitJob(t, "migration")
	require.Empty(t, p.switches())
	require.NoError(t, p.SetErrorRatio(t.Context(), "v2", 0))
	pause(t, 6*time.Second) // longer than the breach is looked back for
	w.endJobs(t, func() string { return "succeed" })
	d.awaitState("switched", 60*time.Second, watch.RolledBack)
	require.Len(t, w.jobs(t, "migration"), 1)
	require.Len(t, p.switches(), 1)
	p.requireColour(sampleapp.Blue)
}
