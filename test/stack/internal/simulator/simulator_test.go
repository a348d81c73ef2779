package simulator

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

func readyPod(uid types.UID, image string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			UID: uid, Namespace: "shop", Name: "web-1", CreationTimestamp: metav1.Now(),
			Labels: map[string]string{"app": "web"}, Annotations: map[string]string{annotationLatency: "0s"},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Image: image}}},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
}

func get(t *testing.T, s *Simulator, path string) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	s.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder.Code, recorder.Body.String()
}

func newSimulator() *Simulator { return New(slog.New(slog.NewTextHandler(io.Discard, nil))) }

func TestSeriesAppearWithTheFirstRequest(t *testing.T) {
	s := newSimulator()
	s.Observe(readyPod("a", "app:v2-errors100"))
	if code, body := get(t, s, "/pods/shop/web-1/metrics"); code != http.StatusOK || strings.Contains(body, "http_requests_total{") {
		t.Errorf("before any request: status %d, metrics:\n%s", code, body)
	}
	if code, _ := get(t, s, "/pods/shop/web-1/anything/at/all"); code != http.StatusInternalServerError {
		t.Errorf("a pod that always fails answered %d", code)
	}
	_, body := get(t, s, "/pods/shop/web-1/metrics")
	for _, want := range []string{
		`http_requests_total{app="web",code="500",namespace="shop",pod="web-1",version="v2-errors100"} 1`,
		`http_request_duration_seconds_bucket{app="web",namespace="shop",pod="web-1",version="v2-errors100",le="0.3"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the metrics lack %s:\n%s", want, body)
		}
	}
	if pods := s.Pods(""); len(pods) != 1 || pods[0].Errors != 1 || pods[0].FirstErrorAt == nil {
		t.Errorf("status after one failed request: %+v", pods)
	}
}

func TestUnreadyPodIsScrapedButGetsNoTraffic(t *testing.T) {
	s := newSimulator()
	pod := readyPod("a", "app:v1")
	s.Observe(pod)
	before := s.Generation()
	unready := pod.DeepCopy()
	unready.Status.Conditions[0].Status = corev1.ConditionFalse
	s.Observe(unready)
	if s.Generation() == before {
		t.Error("the generation did not change with the readiness")
	}
	if names := s.Ready("shop", labels.Everything()); len(names) != 0 {
		t.Errorf("ready pods: %v", names)
	}
	if targets := s.targets("127.0.0.1:1"); len(targets) != 1 {
		t.Errorf("scrape targets: %v", targets)
	}
}

func TestDeletedPodIsGoneButRemembered(t *testing.T) {
	s := newSimulator()
	pod := readyPod("a", "app:v1")
	s.Observe(pod)
	terminating := pod.DeepCopy()
	now := metav1.Now()
	terminating.DeletionTimestamp = &now
	s.Observe(terminating)
	if code, _ := get(t, s, "/pods/shop/web-1/"); code != http.StatusBadGateway {
		t.Errorf("a deleted pod answered %d", code)
	}
	if targets := s.targets("127.0.0.1:1"); len(targets) != 0 {
		t.Errorf("scrape targets: %v", targets)
	}
	s.Observe(readyPod("b", "app:v1")) // A namesake, as a StatefulSet makes.
	s.Forget(pod)                      // The late news must not hit it.
	if code, _ := get(t, s, "/pods/shop/web-1/"); code != http.StatusOK {
		t.Errorf("the new pod answered %d", code)
	}
	other := readyPod("c", "app:v1")
	other.Namespace = "bank"
	s.Observe(other)
	for namespace, want := range map[string]int{"": 3, "shop": 2, "bank": 1, "none": 0} {
		if pods := s.Pods(namespace); len(pods) != want {
			t.Errorf("remembered pods of namespace %q: %+v", namespace, pods)
		}
	}
}
