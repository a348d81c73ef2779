package gather

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/internal/diagnosis"
	"github.com/rollbackd/rollbackd/rollback"
)

// The end-to-end tests gather from a real API server. These here are about what that does only when it fails: it forbids, hangs, or
// sends more than it was asked for.

// api answers as an API server that has one pod of each version, unless a path is answered otherwise.
type api struct {
	// instead answers a call in its own way; false if it does not.
	instead func(w http.ResponseWriter, r *http.Request) bool
	log     string
	// patience is how long a call may take, if it is not what it usually is.
	patience time.Duration
}

func (a api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.instead != nil && a.instead(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/log"):
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, a.log)
	case strings.HasSuffix(r.URL.Path, "/events"):
		a.answer(w, corev1.EventList{})
	default:
		a.answer(w, corev1.PodList{Items: []corev1.Pod{podNamed("web-new-a", "new"), podNamed("web-old-a", "old"), podNamed("other-a", "stranger")}})
	}
}

func (a api) answer(w http.ResponseWriter, list any) {
	_ = json.NewEncoder(w).Encode(list) // whoever has given up cannot be written to; the test sees that by itself
}

// podNamed is a running pod of the ReplicaSet of that UID; all have the hash of the new one, as those of other workloads may.
func podNamed(name, uid string) corev1.Pod {
	began := metav1.NewTime(time.Now().Add(-5 * time.Minute))
	hash := "new"
	if uid == "old" {
		hash = "old"
	}
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", Labels: map[string]string{"pod-template-hash": hash}, CreationTimestamp: began,
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", UID: types.UID("uid-" + uid), Controller: new(true)}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &began, ContainerStatuses: []corev1.ContainerStatus{
			{Name: "app", Image: "web:1", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: began}}}}},
	}
}

// gatherFrom gathers from an API server that answers so.
func gatherFrom(t *testing.T, a api, options Options) diagnosis.Diagnosis {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	g, err := New(&rest.Config{Host: server.URL}, options)
	require.NoError(t, err)
	if a.patience > 0 {
		g.patience, g.callPatience = 2*a.patience, a.patience
	}
	pin := rollback.Pin{
		T0:      time.Now().Add(-4 * time.Minute),
		Release: rollback.Revision{ReplicaSet: "web-new", UID: "uid-new", Hash: "new", Version: "v2", PodPrefix: "web-new-", Template: []byte(`{"spec":{"containers":[{"name":"app","image":"web:2"}]}}`)},
		Target:  &rollback.Revision{ReplicaSet: "web-old", UID: "uid-old", Hash: "old", Version: "v1", PodPrefix: "web-old-", Template: []byte(`{"spec":{"containers":[{"name":"app","image":"web:1"}]}}`)},
	}
	return g.Gather(t.Context(), rollback.Workload{Namespace: "shop", Name: "web"}, pin, diagnosis.Regressed)
}

func TestWhatIsGathered(t *testing.T) {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	d := gatherFrom(t, api{log: now + " ERROR it broke, password=hunter2\n"}, Options{Logs: true, Pods: 3})
	require.Equal(t, []string{"web-new-a release", "web-old-a before"}, names(d), "a pod of another workload is none of them")
	require.Equal(t, []string{"v2", "v1"}, []string{d.Release, d.Before})
	require.Len(t, d.Changes, 1)
	require.Contains(t, d.Diff, "+      - image: web:2")
	require.Len(t, d.Logs.Read, 2)
	require.Equal(t, "ERROR it broke, password=***", d.Logs.Shapes[0].Example)
	require.InDelta(t, 4, d.Logs.ReleaseMinutes, 0.4, "since the deployment")
	require.InDelta(t, 5, d.Logs.BeforeMinutes, 0.4, "since the container began")
	require.Empty(t, d.Missing)
}

func names(d diagnosis.Diagnosis) []string {
	var out []string
	for _, p := range d.Pods {
		out = append(out, p.Name+" "+string(p.Side))
	}
	return out
}

func TestWhatIsForbiddenIsNamed(t *testing.T) {
	forbid := func(path string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, path) {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_ = json.NewEncoder(w).Encode(metav1.Status{Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: "no"})
			return true
		}
	}
	for path, want := range map[string][]string{
		"/pods":   {"rollbackd may not read pods: grant it list on pods in namespace shop"},
		"/log":    {"rollbackd may not read logs: grant it get on pods/log in namespace shop"},
		"/events": {"rollbackd may not read events: grant it list on events in namespace shop"},
	} {
		d := gatherFrom(t, api{instead: forbid(path)}, Options{Logs: true, Pods: 3})
		require.Equal(t, want, d.Missing, path)
		require.Len(t, d.Changes, 1, "the rest is gathered all the same")
	}
	d := gatherFrom(t, api{instead: forbid("/log")}, Options{Logs: false, Pods: 3})
	require.Equal(t, []string{"logs are not read, because the configuration says diagnosis.logs: false"}, d.Missing)
}

// TestALogWithoutEndIsCut: what a container writes as fast as it is read is read up to the bound.
func TestALogWithoutEndIsCut(t *testing.T) {
	line := time.Now().UTC().Format(time.RFC3339Nano) + " ERROR " + strings.Repeat("x", 200) + " postgres://app:hunter2@db/shop\n"
	endless := func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/log") {
			return false
		}
		require.Equal(t, []string{fmt.Sprint(mostBytes), fmt.Sprint(mostLines), "true"},
			[]string{r.URL.Query().Get("limitBytes"), r.URL.Query().Get("tailLines"), r.URL.Query().Get("timestamps")})
		for r.Context().Err() == nil {
			if _, err := fmt.Fprint(w, line); err != nil {
				break
			}
		}
		return true
	}
	d := gatherFrom(t, api{instead: endless}, Options{Logs: true, Pods: 1})
	require.True(t, d.Logs.Read[0].Cut)
	require.LessOrEqual(t, d.Logs.Read[0].Lines*len(line), int(mostBytes))
	data, err := json.Marshal(d)
	require.NoError(t, err)
	require.NotContains(t, string(data), "hunter2")
	require.Less(t, len(data), diagnosis.MaxSize)
}

// TestAServerThatHangsIsNotWaitedForForLong, whichever call it is that hangs.
func TestAServerThatHangsIsNotWaitedForForLong(t *testing.T) {
	for _, path := range []string{"/log", "/events", "/pods"} {
		hang := func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, path) {
				<-r.Context().Done()
				return true
			}
			return false
		}
		began := time.Now()
		d := gatherFrom(t, api{instead: hang, patience: 300 * time.Millisecond}, Options{Logs: true, Pods: 3})
		require.Less(t, time.Since(began), 30*time.Second, path)
		require.NotEmpty(t, d.Missing, path)
		require.Contains(t, d.Missing[0], "could not be read in time", path)
		require.Len(t, d.Changes, 1)
	}
}
