package job

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	batch "k8s.io/client-go/kubernetes/typed/batch/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/internal/mask"
)

// State is how far a Job is.
type State string

// The states of a Job.
const (
	// Absent: the API server says that there is no such Job.
	Absent State = "absent"
	// Running: it has not ended, or not begun.
	Running State = "running"
	// Complete and Failed are the Job's own conditions.
	Complete State = "complete"
	Failed   State = "failed"
)

// Status is what the cluster says of a Job.
type Status struct {
	State State
	// Why says in words why it failed, or what it waits for.
	Why string
	// Own is set if it failed by what its containers did: they ran, and ended with an error or not in time. Without it a
	// failure says nothing of what the Job looked at.
	Own bool
	// Created and Finished are by the cluster's clock; zero where they are not known.
	Created, Finished time.Time
	// Log is the end of what its containers wrote, fit to be shown; only of a Job that has ended.
	Log string
}

// Refused says in words why the API server will not have a Job; asking again would be answered alike.
type Refused struct{ Words string }

// Error implements error.
func (r *Refused) Error() string { return r.Words }

// Runner creates Jobs and follows them. It never deletes one.
type Runner struct {
	batch   batch.BatchV1Interface
	core    core.CoreV1Interface
	timeout time.Duration
	// hide hides secrets in what servers and containers say.
	hide mask.Masker
}

// NewRunner returns a Runner that asks the API server. Timeout bounds one request. What looks like a secret is hidden in all that it tells, and so are
// the values of variables with the name of a secret that a Job's pods have.
func NewRunner(rc *rest.Config, timeout time.Duration, hide mask.Masker) (*Runner, error) {
	jobs, err := batch.NewForConfig(rc)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	pods, err := core.NewForConfig(rc)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	return &Runner{batch: jobs, core: pods, timeout: timeout, hide: hide}, nil
}

// Create creates a Job, unless it is there. The error is a Refused if nothing was created and nothing would be at the next try;
// after any other error it is not known whether the Job exists.
func (r *Runner) Create(ctx context.Context, j *batchv1.Job) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	_, err := r.batch.Jobs(j.Namespace).Create(ctx, j, metav1.CreateOptions{FieldManager: manager})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return r.hidden(inWords(err, j.Namespace, "create Jobs"), j)
}

// betweenWatches is how long it takes until a watch that was ended is begun again.
const betweenWatches = 250 * time.Millisecond

// Find tells how far a Job is, and waits for a while for it to end. The error is a Refused if it may not be read or is not the one
// that was meant.
func (r *Runner) Find(ctx context.Context, j *batchv1.Job, wait time.Duration) (Status, error) {
	waiting, cancel := context.WithTimeout(ctx, max(wait, time.Millisecond))
	defer cancel()
	started := false
	for {
		live, err := r.get(ctx, j)
		if isGone(err) {
			return Status{State: Absent}, nil
		}
		if err != nil {
			return Status{}, r.hidden(inWords(err, j.Namespace, "read Jobs"), j)
		}
		if live.Annotations[WatchAnnotation] != j.Annotations[WatchAnnotation] {
			return Status{}, &Refused{Words: fmt.Sprintf("there is a Job %s/%s already that is not of this watch", j.Namespace, j.Name)}
		}
		live, err = r.follow(waiting, live, &started)
		switch ended := conditionOf(live); {
		case ended != nil:
			return r.ended(ctx, live, *ended, started), nil
		case waiting.Err() != nil:
			return r.running(ctx, live), ctx.Err()
		case err != nil:
			return Status{}, r.hidden(inWords(err, j.Namespace, "watch Jobs"), j)
		}
		select { // a server that ends every watch at once is not to be asked without a pause
		case <-time.After(betweenWatches):
		case <-waiting.Done():
		}
	}
}

func (r *Runner) get(ctx context.Context, j *batchv1.Job) (*batchv1.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	return r.batch.Jobs(j.Namespace).Get(ctx, j.Name, metav1.GetOptions{})
}

// follow watches a Job until it has ended, the watch does, or ctx; it returns the newest state of the Job. Started is set once a
// pod of it runs.
func (r *Runner) follow(ctx context.Context, j *batchv1.Job, started *bool) (*batchv1.Job, error) {
	note := func() { *started = *started || j.Status.Ready != nil && *j.Status.Ready > 0 }
	note()
	if conditionOf(j) != nil {
		return j, nil
	}
	events, err := r.batch.Jobs(j.Namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("metadata.name", j.Name).String(), ResourceVersion: j.ResourceVersion,
	})
	if err != nil {
		return j, err
	}
	defer events.Stop()
	for conditionOf(j) == nil {
		select {
		case <-ctx.Done():
			return j, nil
		case e, open := <-events.ResultChan():
			newer, ok := e.Object.(*batchv1.Job)
			if !open || !ok || e.Type == "DELETED" {
				return j, nil // it is read again
			}
			j = newer
			note()
		}
	}
	return j, nil
}

// conditionOf returns the condition by which a Job has ended, nil if it has not.
func conditionOf(j *batchv1.Job) *batchv1.JobCondition {
	for i, c := range j.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return &j.Status.Conditions[i]
		}
	}
	return nil
}

func (r *Runner) ended(ctx context.Context, j *batchv1.Job, c batchv1.JobCondition, started bool) Status {
	pods, err := r.pods(ctx, j)
	s := Status{State: Complete, Created: j.CreationTimestamp.UTC(), Finished: c.LastTransitionTime.UTC()}
	if c.Type == batchv1.JobFailed {
		own, why := blame(pods, c, started)
		s.State, s.Own, s.Why = Failed, own, r.hiding(j, pods).Text(why)
	}
	if err != nil {
		s.Log = fmt.Sprintf("(its pods could not be listed: %v)", inWords(err, j.Namespace, "list pods"))
		return s
	}
	s.Log = Fit(r.logs(ctx, pods), r.hiding(j, pods))
	return s
}

func (r *Runner) running(ctx context.Context, j *batchv1.Job) Status {
	s := Status{State: Running, Created: j.CreationTimestamp.UTC()}
	if ctx.Err() == nil {
		pods, _ := r.pods(ctx, j) // it only explains
		s.Why = r.hiding(j, pods).Text(waitsFor(pods))
	}
	return s
}

func (r *Runner) pods(ctx context.Context, j *batchv1.Job) ([]corev1.Pod, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	list, err := r.core.Pods(j.Namespace).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + j.Name, Limit: 20})
	if err != nil {
		return nil, err
	}
	var own []corev1.Pod
	for _, p := range list.Items {
		if metav1.IsControlledBy(&p, j) {
			own = append(own, p)
		}
	}
	return own, nil
}

// isGone reports whether the API server itself said that there is no such object. What a proxy answers is not about it.
func isGone(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsNotFound(err) && !apierrors.IsUnexpectedServerError(err) && errors.As(err, &status) &&
		status.Status().Details != nil && status.Status().Details.Name != ""
}

// inWords makes a Refused of what the API server would answer again, and says what a person can do about it.
func inWords(err error, namespace, what string) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || apierrors.IsUnexpectedServerError(err) {
		return err
	}
	said := status.Status().Message
	switch status.Status().Code {
	case http.StatusForbidden:
		switch {
		case strings.Contains(said, "exceeded quota") || strings.Contains(said, "failed quota"):
			return &Refused{Words: fmt.Sprintf("the quota of namespace %s does not allow it: %s", namespace, said)}
		case strings.Contains(said, "is being terminated"):
			return &Refused{Words: fmt.Sprintf("namespace %s is being deleted: %s", namespace, said)}
		}
		return &Refused{Words: fmt.Sprintf("rollbackd may not %s in namespace %s; give its role that right: %s", what, namespace, said)}
	case http.StatusNotFound:
		return &Refused{Words: fmt.Sprintf("the API server finds no place for it, such as namespace %s: %s", namespace, said)}
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		return &Refused{Words: fmt.Sprintf("the API server does not accept the Job; mend its template: %s", said)}
	case http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		return &Refused{Words: fmt.Sprintf("the API server does not accept the Job: %s", said)}
	}
	return err
}
