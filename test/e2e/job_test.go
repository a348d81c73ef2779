package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/internal/job"
)

// jobAnnotation tells the pod of a Job how to end: "succeed", "fail", or, until it is changed, not at all: "hang".
const jobAnnotation = "sim.rollbackd.dev/job"

// jobYAML is the spec of a Job on one line whose pod ends in this way, with an argument.
func jobYAML(ends, argument string) string {
	return fmt.Sprintf("{template: {metadata: {annotations: {%s: %s}}, spec: {restartPolicy: Never, containers: ["+
		"{name: main, image: registry.example/tool:1, args: [%q], env: [{name: VERSION, value: \"{version}\"}]}]}}}", jobAnnotation, ends, argument)
}

// jobs are those in the test's namespace with a purpose, the oldest first.
func (w *world) jobs(t *testing.T, purpose string) []batchv1.Job {
	t.Helper()
	list, err := w.client.BatchV1().Jobs(namespaceOf(t)).List(t.Context(), metav1.ListOptions{LabelSelector: job.PurposeLabel + "=" + purpose})
	require.NoError(t, err)
	return list.Items
}

// awaitJob waits for the only Job with a purpose.
func (w *world) awaitJob(t *testing.T, purpose string) batchv1.Job {
	t.Helper()
	var found []batchv1.Job
	eventually(t, time.Minute, func() (bool, string) {
		found = w.jobs(t, purpose)
		return len(found) > 0, "there is no Job for " + purpose
	})
	require.Len(t, found, 1)
	return found[0]
}

// end lets the pods of Jobs that hang end.
func (w *world) end(ctx context.Context, namespace, how string) error {
	pods, err := w.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel})
	if err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{jobAnnotation: how}}})
	if err != nil {
		return err
	}
	for _, p := range pods.Items {
		if p.Annotations[jobAnnotation] != "hang" || p.Status.Phase != corev1.PodRunning {
			continue
		}
		if _, err := w.client.CoreV1().Pods(namespace).Patch(ctx, p.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil && !apierrors.IsNotFound(err) { // its Job may have been over before
			return err
		}
	}
	return nil
}
