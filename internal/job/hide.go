package job

import (
	"encoding/json"
	"errors"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/rollbackd/rollbackd/internal/mask"
)

// hiding hides what a Job and its pods were given as secrets. A pod may have more than the Job: what admission webhooks put into it.
func (r *Runner) hiding(j *batchv1.Job, pods []corev1.Pod) mask.Masker {
	given := []json.RawMessage{document(j.Spec.Template.Spec)}
	for _, p := range pods {
		given = append(given, document(p.Spec))
	}
	return r.hide.WithSecretsOf(given...)
}

func document(spec corev1.PodSpec) json.RawMessage {
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil // a PodSpec is always JSON
	}
	return raw
}

// hidden hides secrets in what the API server refuses a Job with, which may quote a part of it. Other errors are told by nobody but the log.
func (r *Runner) hidden(err error, j *batchv1.Job) error {
	var refused *Refused
	if !errors.As(err, &refused) {
		return err
	}
	return &Refused{Words: r.hiding(j, nil).Text(refused.Words)}
}
