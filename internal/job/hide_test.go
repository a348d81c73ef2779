package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/internal/mask"
)

// TestNoSecretLeavesAJob plants strings in a Job's variables, in those that were put into its pod alone, and in what the configuration hides, and has
// them turn up without their names in its log, in the message of its end and in a refusal.
func TestNoSecretLeavesAJob(t *testing.T) {
	job := &batchv1.Job{}
	job.Namespace, job.Name, job.UID = "shop", "migrate", "job-uid"
	job.Annotations = map[string]string{WatchAnnotation: "w"}
	container := corev1.Container{Name: "main", Image: "tool:1", Env: []corev1.EnvVar{
		{Name: "DB_PASSWORD", Value: "canary-of-the-job"}, {Name: "LEVEL", Value: "canary-level"},
	}}
	job.Spec.Template.Spec.Containers = []corev1.Container{container}
	job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", Message: "canary-of-the-job would not do"}}
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "migrate-1", Namespace: "shop", OwnerReferences: []metav1.OwnerReference{
		{APIVersion: "batch/v1", Kind: "Job", Name: job.Name, UID: job.UID, Controller: new(true)},
	}}}
	container.Env = append(container.Env, corev1.EnvVar{Name: "SIDECAR_TOKEN", Value: "canary-of-the-pod"})
	pod.Spec.Containers = []corev1.Container{container}
	log := "tried canary-of-the-job, then canary-of-the-pod for cust-123456 at canary-level\nurl postgres://app:canary-in-a-url@db/x\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var body any
		switch {
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusUnprocessableEntity)
			body = metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure", Code: http.StatusUnprocessableEntity, Message: "Invalid value: canary-of-the-job"}
		case strings.HasSuffix(r.URL.Path, "/log"):
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprint(w, log)
			return
		case strings.HasSuffix(r.URL.Path, "/pods"):
			body = corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, Items: []corev1.Pod{pod}}
		default:
			job.TypeMeta = metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}
			body = job
		}
		if err := json.NewEncoder(w).Encode(body); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	hide, err := mask.New(`cust-\d+`)
	if err != nil {
		t.Fatal(err)
	}
	runner, err := NewRunner(&rest.Config{Host: server.URL}, time.Hour, hide)
	if err != nil {
		t.Fatal(err)
	}
	status, err := runner.Find(t.Context(), job, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if want := "tried ***, then *** for *** at canary-level\nurl postgres://app:***@db/x"; status.Log != want {
		t.Errorf("the log is %q, want %q", status.Log, want)
	}
	if want := "BackoffLimitExceeded: *** would not do"; status.State != Failed || status.Why != want {
		t.Errorf("it is %s because of %q, want %q", status.State, status.Why, want)
	}
	var refused *Refused
	if err := runner.Create(t.Context(), job); !errors.As(err, &refused) || !strings.HasSuffix(refused.Words, "Invalid value: ***") {
		t.Errorf("the refusal is %v", err)
	}
}
