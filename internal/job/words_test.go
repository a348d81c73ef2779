package job

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestARefusalIsSaidInWords(t *testing.T) {
	jobs := schema.GroupResource{Group: "batch", Resource: "jobs"}
	answer := func(code int, message string) error {
		err := apierrors.NewGenericServerResponse(code, "", jobs, "", message, 0, false)
		err.ErrStatus.Message = message
		return err
	}
	for name, c := range map[string]struct {
		err     error
		refused bool
		says    string
	}{
		"no right":           {answer(http.StatusForbidden, `User "x" cannot create resource "jobs"`), true, "rollbackd may not create Jobs in namespace shop; give its role that right: User"},
		"a quota":            {answer(http.StatusForbidden, "exceeded quota: no-jobs, limited: count/jobs.batch=0"), true, "the quota of namespace shop does not allow it: exceeded quota"},
		"a leaving place":    {answer(http.StatusForbidden, "unable to create new content in namespace shop because it is being terminated"), true, "namespace shop is being deleted"},
		"no place":           {answer(http.StatusNotFound, `namespaces "shop" not found`), true, "finds no place for it, such as namespace shop"},
		"a bad template":     {answer(http.StatusUnprocessableEntity, "spec.template.spec.containers: Required value"), true, "mend its template: spec.template"},
		"too many requests":  {answer(http.StatusTooManyRequests, "slow down"), false, "slow down"},
		"a broken server":    {answer(http.StatusInternalServerError, "etcd is away"), false, "etcd is away"},
		"expired rights":     {answer(http.StatusUnauthorized, "who are you"), false, "who are you"},
		"no answer":          {errors.New("connection refused"), false, "connection refused"},
		"not the API server": {apierrors.NewGenericServerResponse(http.StatusForbidden, "", jobs, "", "<html>", 0, true), false, "<html>"},
	} {
		err := inWords(c.err, "shop", "create Jobs")
		var refused *Refused
		if errors.As(err, &refused) != c.refused || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want refused=%t and %q", name, err, c.refused, c.says)
		}
	}
	if inWords(nil, "shop", "create Jobs") != nil {
		t.Error("no error became one")
	}
}

func podOf(edit func(*corev1.Pod)) corev1.Pod {
	p := corev1.Pod{}
	p.Name = "pod-1"
	edit(&p)
	return p
}

func ended(code int32) corev1.Pod {
	return podOf(func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error"}}}}
	})
}

func waiting(reason string) corev1.Pod {
	return podOf(func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "tool:1"}}}}
	})
}

// TestAJobIsBlamedForWhatItsContainersDid, and for nothing else.
func TestAJobIsBlamedForWhatItsContainersDid(t *testing.T) {
	failed := batchv1.JobCondition{Reason: batchv1.JobReasonBackoffLimitExceeded, Message: "limit reached"}
	late := batchv1.JobCondition{Reason: batchv1.JobReasonDeadlineExceeded, Message: "too long"}
	evicted := ended(137)
	evicted.Status.Reason, evicted.Status.Message = "Evicted", "the node was low on memory"
	drained := ended(143)
	drained.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
	unplaced := podOf(func(p *corev1.Pod) {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes are available"}}
	})
	for name, c := range map[string]struct {
		pods      []corev1.Pod
		condition batchv1.JobCondition
		started   bool
		own       bool
		says      string
	}{
		"an error":                 {[]corev1.Pod{ended(3)}, failed, true, true, "container main ended with exit code 3 (BackoffLimitExceeded: limit reached)"},
		"an eviction":              {[]corev1.Pod{evicted}, failed, true, false, "was taken from its node: the node was low on memory"},
		"a drained node":           {[]corev1.Pod{drained}, failed, true, false, "was taken from its node"},
		"an eviction and an error": {[]corev1.Pod{evicted, ended(1)}, failed, true, true, "exit code 1"},
		"pods that are gone":       {nil, failed, true, false, "BackoffLimitExceeded"},
		"it ran too long":          {nil, late, true, true, "it did not end in time"},
		"no node":                  {[]corev1.Pod{unplaced}, late, false, false, "no node takes pod pod-1: 0/3 nodes are available"},
		"no image":                 {[]corev1.Pod{waiting("ImagePullBackOff")}, late, false, false, "waits: ImagePullBackOff: tool:1"},
		"no pod":                   {nil, late, false, false, "no pod of it was seen to run, as when"},
	} {
		own, why := blame(c.pods, c.condition, c.started)
		if own != c.own || !strings.Contains(why, c.says) {
			t.Errorf("%s: own=%t, %q; want own=%t, %q", name, own, why, c.own, c.says)
		}
	}
}
