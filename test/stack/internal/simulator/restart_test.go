package simulator

import (
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// containerIs puts the pod's container into a state, as kwok's stages do.
func containerIs(pod *corev1.Pod, restarts int32, state corev1.ContainerState) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{RestartCount: restarts, State: state}}
	if state.Waiting != nil {
		pod.Status.Conditions[0].Status = corev1.ConditionFalse
	}
	return pod
}

func crashed(pod *corev1.Pod, restarts int32) *corev1.Pod {
	return containerIs(pod, restarts, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}})
}

func started(pod *corev1.Pod, restarts int32) *corev1.Pod {
	return containerIs(pod, restarts, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
}

// requests tells how many requests the metrics of the pod web-1 show.
func requests(t *testing.T, s *Simulator) string {
	t.Helper()
	_, body := get(t, s, "/pods/shop/web-1/metrics")
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "http_requests_total{") {
			return line[strings.LastIndex(line, " ")+1 : len(line)-1]
		}
	}
	return "none"
}

func TestCrashedContainerIsDownAndStartsOver(t *testing.T) {
	s := newSimulator()
	pod := readyPod("a", "app:v1")
	s.Observe(started(pod, 0))
	get(t, s, "/pods/shop/web-1/")
	if n := requests(t, s); n != "1" {
		t.Fatalf("the metrics show %s requests instead of 1", n)
	}
	s.Observe(crashed(pod, 1))
	for _, path := range []string{"/pods/shop/web-1/", "/pods/shop/web-1/metrics"} {
		if code, _ := get(t, s, path); code != http.StatusBadGateway {
			t.Errorf("%s of a crashed container answered %d", path, code)
		}
	}
	if targets := s.targets("127.0.0.1:1"); len(targets) != 1 {
		t.Errorf("scrape targets: %v", targets)
	}
	s.Observe(started(pod, 2))
	if n := requests(t, s); n != "none" {
		t.Errorf("after the restart the metrics show %s requests", n)
	}
	if pods := s.Pods(""); pods[0].Requests != 1 {
		t.Errorf("the status forgot what was served before the crash: %+v", pods)
	}
}

func TestPendingPodIsServedOnceItRuns(t *testing.T) {
	s := newSimulator()
	pod := readyPod("a", "app:v1")
	pod.Status.Phase = corev1.PodPending
	s.Observe(crashed(pod, 0)) // Its image is being pulled.
	s.Observe(pod)
	if code, _ := get(t, s, "/pods/shop/web-1/"); code != http.StatusServiceUnavailable {
		t.Errorf("a pending pod answered %d", code)
	}
	pod.Status.Phase = corev1.PodRunning
	s.Observe(started(pod, 0))
	if code, _ := get(t, s, "/pods/shop/web-1/"); code != http.StatusOK {
		t.Errorf("the pod answered %d", code)
	}
}

func TestCrashBreaksOffRequests(t *testing.T) {
	s := newSimulator()
	pod := readyPod("a", "app:v1")
	pod.Annotations[annotationLatency] = "1h"
	s.Observe(started(pod, 0))
	answered := make(chan int)
	go func() {
		code, _ := get(t, s, "/pods/shop/web-1/")
		answered <- code
	}()
	s.Observe(crashed(pod, 1)) // Before or after the request has come.
	if code := <-answered; code != http.StatusBadGateway {
		t.Errorf("the request answered %d", code)
	}
}

func TestResetWithoutANewPod(t *testing.T) {
	s := newSimulator()
	pod := readyPod("a", "app:v1")
	s.Observe(pod)
	get(t, s, "/pods/shop/web-1/")
	s.Observe(pod)
	if n := requests(t, s); n != "1" {
		t.Errorf("without a change the metrics show %s requests instead of 1", n)
	}
	pod = pod.DeepCopy()
	pod.Annotations[annotationReset] = "1"
	s.Observe(pod)
	if n := requests(t, s); n != "none" {
		t.Errorf("after the reset the metrics show %s requests", n)
	}
	if code, _ := get(t, s, "/pods/shop/web-1/"); code != http.StatusOK {
		t.Errorf("after the reset the pod answered %d", code)
	}
}
