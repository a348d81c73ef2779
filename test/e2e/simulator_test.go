package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
)

// The tests of this file show that what the stack plays looks on Kubernetes and in Prometheus as the real thing does. The
// other tests would otherwise prove nothing.

// podsOf are the API's pods of one version.
func (s *service) podsOf(version string) []corev1.Pod {
	s.t.Helper()
	list, err := s.Client.CoreV1().Pods(s.Namespace).List(s.t.Context(), metav1.ListOptions{
		LabelSelector: "app=" + s.Name + ",app.kubernetes.io/version=" + version,
	})
	require.NoError(s.t, err)
	return list.Items
}

// awaitPods waits until there are pods of a version, and all of them are as they should be.
func (s *service) awaitPods(version, what string, is func(corev1.PodStatus) bool) {
	s.t.Helper()
	eventually(s.t, time.Minute, func() (bool, string) {
		pods := s.podsOf(version)
		for _, p := range pods {
			if !is(p.Status) {
				return false, fmt.Sprintf("pod %s is not %s: %+v", p.Name, what, p.Status)
			}
		}
		return len(pods) > 0, "there are no pods of " + version
	})
}

func isReady(s corev1.PodStatus) bool {
	for _, c := range s.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func waitsFor(s corev1.PodStatus, reason string) bool {
	return len(s.ContainerStatuses) == 1 && s.ContainerStatuses[0].State.Waiting != nil && s.ContainerStatuses[0].State.Waiting.Reason == reason
}

// awaitSeries waits until an instant query finds something.
func (s *service) awaitSeries(query string) {
	s.t.Helper()
	eventually(s.t, time.Minute, func() (bool, string) {
		response, err := http.Get(s.w.stack.Prometheus + "/api/v1/query?query=" + url.QueryEscape(query))
		if err != nil {
			return false, err.Error()
		}
		defer response.Body.Close()
		var answer struct {
			Data struct{ Result []json.RawMessage }
		}
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			return false, err.Error()
		}
		return len(answer.Data.Result) > 0, "nothing is found by " + query
	})
}

func TestSimulatedCrash(t *testing.T) {
	s := newServiceWith(t, onStack(t), 20)
	crashes := func(p corev1.PodStatus) bool {
		return p.Phase == corev1.PodRunning && !isReady(p) && waitsFor(p, "CrashLoopBackOff") && p.ContainerStatuses[0].RestartCount > 1
	}
	s.deploy("v2-crash", sampleapp.Behaviour{})
	s.awaitPods("v2-crash", "crashing", crashes)
	s.awaitSeries(fmt.Sprintf(`up{namespace=%q} == 0`, s.Namespace))

	// Pods that served crash too, and after that serve again with counters that started over.
	s.deploy("v3", sampleapp.Behaviour{})
	require.NoError(t, s.AwaitRollout(t.Context()))
	s.awaitSeries(fmt.Sprintf(`http_requests_total{namespace=%q,version="v3"} > 10`, s.Namespace))
	require.NoError(t, s.Set(t.Context(), "v3", "crash", "on"))
	s.awaitPods("v3", "crashing", crashes)
	require.NoError(t, s.Set(t.Context(), "v3", "crash", "off"))
	s.awaitPods("v3", "ready", isReady)
	s.awaitSeries(fmt.Sprintf(`resets(http_requests_total{namespace=%q,version="v3"}[1m]) > 0`, s.Namespace))
}

func TestSimulatedPodsThatNeverGetReady(t *testing.T) {
	w := onStack(t)
	for _, c := range []struct {
		version, setting, good string
		is                     func(corev1.PodStatus) bool
	}{
		{"v2-notready", "ready", "on", func(p corev1.PodStatus) bool { return p.Phase == corev1.PodRunning && !isReady(p) }},
		{"v2-pullfail", "pull", "succeed", func(p corev1.PodStatus) bool {
			return p.Phase == corev1.PodPending && !isReady(p) && waitsFor(p, "ImagePullBackOff")
		}},
	} {
		t.Run(c.setting, func(t *testing.T) {
			t.Parallel()
			s := newServiceWith(t, w, 5)
			patchDeadline(s, 2)
			s.deploy(c.version, sampleapp.Behaviour{})
			s.awaitPods(c.version, c.version, c.is)
			eventually(t, time.Minute, func() (bool, string) {
				d, err := s.Client.AppsV1().Deployments(s.Namespace).Get(t.Context(), s.Name, metav1.GetOptions{})
				return err == nil && overdue(d), fmt.Sprintf("the rollout is not overdue: %v", d.Status)
			})
			require.NoError(t, s.Set(t.Context(), c.version, c.setting, c.good))
			// The rollout then goes on with pods that are not, so only one is sure to be ready.
			eventually(t, time.Minute, func() (bool, string) {
				return slices.ContainsFunc(s.podsOf(c.version), func(p corev1.Pod) bool { return isReady(p.Status) }), "no pod is ready"
			})
		})
	}
}

func patchDeadline(s *service, seconds int32) {
	s.t.Helper()
	s.edit(func(live *appsv1.Deployment) { live.Spec.ProgressDeadlineSeconds = &seconds })
}

func overdue(d *appsv1.Deployment) bool {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing {
			return c.Reason == "ProgressDeadlineExceeded"
		}
	}
	return false
}

func TestSimulatedJobs(t *testing.T) {
	s := newServiceWith(t, onStack(t), 0)
	jobs := s.Client.BatchV1().Jobs(s.Namespace)
	for name, want := range map[string]batchv1.JobConditionType{"": batchv1.JobComplete, "fail": batchv1.JobFailed, "hang": batchv1.JobFailed} {
		limit := time.Minute
		if name == "hang" {
			limit = 3 * time.Second
		}
		job := smokeJob("smoke"+name, limit, map[string]string{"sim.rollbackd.dev/job": name})
		_, err := jobs.Create(t.Context(), job, metav1.CreateOptions{})
		require.NoError(t, err)
		eventually(t, time.Minute, func() (bool, string) {
			found, err := jobs.Get(t.Context(), job.Name, metav1.GetOptions{})
			require.NoError(t, err)
			for _, c := range found.Status.Conditions {
				if c.Type == want && c.Status == corev1.ConditionTrue {
					return true, ""
				}
			}
			return false, fmt.Sprintf("Job %s is not %s: %+v", job.Name, want, found.Status)
		})
	}
}

// smokeJob is a Job that is not tried again and may take so long, which counts from its creation.
func smokeJob(name string, limit time.Duration, annotations map[string]string) *batchv1.Job {
	retries, seconds := int32(0), int64(limit.Seconds())
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: batchv1.JobSpec{
			BackoffLimit: &retries, ActiveDeadlineSeconds: &seconds,
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Annotations: annotations},
				Spec: corev1.PodSpec{
					RestartPolicy: corev1.RestartPolicyNever,
					Containers:    []corev1.Container{{Name: "smoke", Image: "registry.example/smoke:v1"}},
				},
			},
		},
	}
}

// TestSimulatedMetrics: what only Prometheus can show.
func TestSimulatedMetrics(t *testing.T) {
	s := newServiceWith(t, onStack(t), 40)
	own := fmt.Sprintf(`namespace=%q`, s.Namespace)
	// The service calls itself: a real request that fails in the end, as nobody is the last to be called.
	s.deploy("v2-native", sampleapp.Behaviour{Settings: map[string]string{"calls": s.Name}})
	s.awaitSeries(fmt.Sprintf(`histogram_count(http_request_duration_seconds{%s}) > 0`, own))
	s.awaitSeries(fmt.Sprintf(`http_request_duration_seconds_bucket{%s,version="v2-native",le="0.5"}`, own))
	s.awaitSeries(fmt.Sprintf(`app_calls_total{%s,caller=%q,callee=%q,code="502"}`, own, s.Name, s.Name))

	s.deploy("v3-errors100-onebad", sampleapp.Behaviour{})
	require.NoError(t, s.AwaitRollout(t.Context()))
	s.awaitSeries(fmt.Sprintf(`count(http_requests_total{%s,version="v3-errors100-onebad",code="200"}) == 2`, own))
	s.awaitSeries(fmt.Sprintf(`count(http_requests_total{%s,version="v3-errors100-onebad",code="500"}) >= 1`, own))

	fault, err := s.w.stack.BeginFault(t.Context(), localstack.Fault{Namespace: s.Namespace, Scrape: localstack.ScrapeHangs})
	require.NoError(t, err)
	s.awaitSeries(fmt.Sprintf(`count(up{%s} == 0) == 3`, own))
	require.NoError(t, s.w.stack.EndFault(t.Context(), fault))
	s.awaitSeries(fmt.Sprintf(`count(up{%s} == 1) == 3`, own))
}
