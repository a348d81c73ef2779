package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestADiagnosisNamesWhatBroke: the logs of the release tell of an error that the version before did not have, because it was given
// another database. The record says so in one line, shows both, and holds no secret.
func TestADiagnosisNamesWhatBroke(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := newService(t, w)
	s.writeLogs("v1", map[string]int{"ERROR cache miss for order 17": 60, "GET /orders/17 200": 300})

	patchMinReady(s) // so that the old version serves beside the new one
	s.deployConfigured("v2", map[string]string{"DB_HOST": "db-new", "DB_PASSWORD": "hunter2"})
	s.writeLogs("v2", map[string]int{
		"ERROR cache miss for order 17": 4,
		"ERROR postgres://app:hunter2@db-new:5432/shop: dial tcp db-new:5432: connect: connection refused": 50,
		`{"level":"info","msg":"trying again","password":"hunter2"}`:                                       50,
	})
	s.announce(d, "database", "v2") // only now, so that the logs are there when it is found to be bad
	v := d.awaitState("database", 90*time.Second, watch.RolledBack)
	requireIncidentSays(t, d, v, `\*\*First guess \(by rules, not proven\):\*\* something that the release needs cannot be reached: db-new:5432 \(the port of PostgreSQL\)`)

	files := d.diagnosis(v)
	summary := files["summary.md"]
	for _, want := range []string{
		"which the version before did not write: ERROR postgres", "dial tcp db-new:5432: connect: connection refused",
		"the release added environment of container app, variable DB_HOST: db-new", "| v2 | v1 | | pods | line |",
	} {
		require.Contains(t, summary, want)
	}
	require.Regexp(t, `\(4\) \| [0-9.]+ \([1-9][0-9]*\) \| (same|fallen|unknown) \| 1 \| ERROR cache miss`, files["logs.md"])
	require.Contains(t, files["template.diff"], "***")
	require.NotContains(t, summary, "What is missing here", "everything could be read")
	for name, text := range files {
		require.NotContains(t, text, "hunter2", name)
	}
	require.Len(t, s.rollbacks(), 1)
}

// diagnosis are the files of the folder diagnosis/ by their names.
func (d *daemon) diagnosis(v watch.View) map[string]string {
	d.t.Helper()
	dir := filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "diagnosis")
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(d.t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".tmp-") {
			continue // is on its way to its place
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(d.t, err)
		files[e.Name()] = string(text)
	}
	return files
}

// deployConfigured changes the Deployment to a version that fails a third of its requests and has these variables.
func (s *service) deployConfigured(version string, env map[string]string) {
	s.t.Helper()
	s.edit(func(live *appsv1.Deployment) {
		template := &live.Spec.Template
		template.Labels["app.kubernetes.io/version"] = version
		template.Annotations = map[string]string{sampleapp.AnnotationErrorRatio: "0.3333"}
		template.Spec.Containers[0].Image = "registry.example/" + s.Name + ":" + version
		for name, value := range env {
			template.Spec.Containers[0].Env = append(template.Spec.Containers[0].Env, corev1.EnvVar{Name: name, Value: value})
		}
	})
}

// writeLogs has the pods of a version that are ready write these lines, each so many times.
func (s *service) writeLogs(version string, lines map[string]int) {
	s.t.Helper()
	var pods []corev1.Pod
	eventually(s.t, 30*time.Second, func() (bool, string) {
		pods = slices.DeleteFunc(s.podsOf(version), func(p corev1.Pod) bool { return !isReady(p.Status) })
		return len(pods) > 0, "no pod of " + version + " is ready"
	})
	path := filepath.Join(s.t.TempDir(), "container.log")
	var text strings.Builder
	for line, n := range lines {
		for range n {
			fmt.Fprintf(&text, "%s stdout F %s\n", time.Now().UTC().Format("2006-01-02T15:04:05.000000000Z07:00"), line)
		}
	}
	require.NoError(s.t, os.WriteFile(path, []byte(text.String()), 0o644))
	for _, p := range pods {
		object, err := json.Marshal(map[string]any{
			"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Logs", "metadata": map[string]string{"name": p.Name, "namespace": p.Namespace},
			"spec": map[string]any{"logs": []map[string]string{{"logsFile": path, "previousLogsFile": path}}},
		})
		require.NoError(s.t, err)
		err = s.Client.CoreV1().RESTClient().Post().AbsPath("/apis/kwok.x-k8s.io/v1alpha1/namespaces/"+p.Namespace+"/logs").
			SetHeader("Content-Type", "application/json").Body(object).Do(s.t.Context()).Error()
		require.NoError(s.t, err)
	}
}

// TestARollbackDoesNotWaitForLogs: an API server that does not answer for logs costs a rollback no time.
func TestARollbackDoesNotWaitForLogs(t *testing.T) {
	w := onStack(t)
	for _, c := range []struct {
		name, diagnosis string
		hang            bool
	}{{"without", "{enabled: false}", false}, {"with", "{enabled: true}", false}, {"hanging", "{enabled: true}", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			proxy := newAPIProxy(t, w)
			if c.hang {
				proxy.holdUp(http.MethodGet, "/log", false)
			}
			d := newDaemon(t, w, func(s *settings) { s.Kubeconfig, s.Diagnosis = proxy.kubeconfig, c.diagnosis })
			s := newService(t, w)
			s.deploy("v2", sampleapp.FailingThird())
			s.announce(d, "bad", "v2")
			v := d.awaitState("bad", 90*time.Second, watch.RolledBack)
			took := d.decidedToLanded(v)
			t.Logf("from the decision to the patch: %s", took)
			require.Less(t, took, 8*time.Second, "it has waited for as long as one call of a diagnosis may take")
			require.Len(t, s.rollbacks(), 1)
			if c.hang {
				requireIncidentSays(t, d, v, "First guess")
				require.Contains(t, d.diagnosis(v)["summary.md"], "logs could not be read in time")
			}
		})
	}
}

// decidedToLanded is how long it took from the verdict to the accepted patch.
func (d *daemon) decidedToLanded(v watch.View) time.Duration {
	d.t.Helper()
	var record struct {
		Times struct{ Decided, Landed time.Time }
	}
	eventually(d.t, 10*time.Second, func() (bool, string) {
		text, err := os.ReadFile(filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "incident.json"))
		if err == nil {
			err = json.Unmarshal(text, &record)
		}
		return err == nil && !record.Times.Landed.IsZero(), fmt.Sprintf("the record does not (yet) say when the patch landed: %v\n%s", err, text)
	})
	return record.Times.Landed.Sub(record.Times.Decided)
}
