package simulator

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// pod is one simulated application process.
type pod struct {
	shared    *shared
	uid       types.UID
	owner     types.UID
	namespace string
	name      string
	app       string
	version   string
	created   time.Time
	// chosen tells whether this is the first ready pod of its owner.
	chosen atomic.Bool
	// live is what may change while the pod runs.
	live    atomic.Pointer[live]
	run     atomic.Pointer[run]
	metrics atomic.Pointer[metrics]

	mu    sync.Mutex
	stats stats
}

// shared is what all pods have in common.
type shared struct {
	faults faults
	calls  *calls
}

// live is the part of a pod that follows the API object.
type live struct {
	labels labels.Set
	// running is the phase of the pod, up tells whether its container runs right now.
	running, up bool
	ready       bool
	behaviour   Behaviour
	problem     string
}

// run is the life of a pod's container between two restarts.
type run struct {
	restarts int32
	// ctx ends with the container, which breaks off the requests it is serving.
	ctx context.Context
	end context.CancelFunc
}

type stats struct {
	requests, errors                     int64
	firstErrorAt, lastErrorAt, deletedAt time.Time
}

func newPod(object *corev1.Pod, shared *shared) *pod {
	p := &pod{
		shared:    shared,
		uid:       object.UID,
		owner:     object.UID,
		namespace: object.Namespace,
		name:      object.Name,
		app:       object.Labels["app"],
		version:   version(object),
		created:   object.CreationTimestamp.Time,
	}
	if controller := metav1.GetControllerOf(object); controller != nil {
		p.owner = controller.UID
	}
	p.update(object)
	return p
}

// update follows a change of the API object and tells whether it changes who gets traffic.
func (p *pod) update(object *corev1.Pod) (changed bool) {
	next := &live{labels: object.Labels, running: object.Status.Phase == corev1.PodRunning}
	restarts, waiting := container(object)
	next.up = next.running && !waiting
	for _, condition := range object.Status.Conditions {
		if condition.Type == corev1.PodReady {
			next.ready = next.up && condition.Status == corev1.ConditionTrue
		}
	}
	behaviour, err := ParseBehaviour(image(object), object.Annotations)
	next.behaviour = behaviour
	if err != nil {
		next.problem = err.Error()
	}
	last := p.live.Swap(next)
	p.restart(restarts, next.up, behaviour)
	if last != nil && last.behaviour.Reset != behaviour.Reset {
		p.resetMetrics(behaviour)
	}
	return last == nil || last.ready != next.ready || last.running != next.running || !labels.Equals(last.labels, next.labels)
}

// container tells how often the pod's container was started again, and whether it waits to be.
func container(object *corev1.Pod) (restarts int32, waiting bool) {
	for _, status := range object.Status.ContainerStatuses {
		return status.RestartCount, status.State.Waiting != nil
	}
	return 0, false
}

// restart ends the run of a container that is down or was started again, and begins the next one. There is always one,
// even if it has ended.
func (p *pod) restart(restarts int32, up bool, b Behaviour) {
	last := p.run.Load()
	if last != nil && up && last.restarts == restarts && last.ctx.Err() == nil {
		return
	}
	if last != nil {
		last.end()
	}
	if last != nil && !up {
		return
	}
	next := &run{restarts: restarts}
	next.ctx, next.end = context.WithCancel(context.Background())
	p.run.Store(next)
	p.resetMetrics(b)
}

// resetMetrics lets all counters start over.
func (p *pod) resetMetrics(b Behaviour) {
	constant := prometheus.Labels{"namespace": p.namespace, "pod": p.name, "app": p.app, "version": p.version}
	p.metrics.Store(newMetrics(p.app, constant, b.NativeHistograms))
}

// version names the release a pod belongs to, as its metrics carry it.
func version(object *corev1.Pod) string {
	for _, label := range []string{"version", "app.kubernetes.io/version"} {
		if value := object.Labels[label]; value != "" {
			return value
		}
	}
	return imageTag(image(object))
}

func image(object *corev1.Pod) string {
	if len(object.Spec.Containers) == 0 {
		return ""
	}
	return object.Spec.Containers[0].Image
}
