package gather

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/rollbackd/rollbackd/internal/diagnosis"
)

// mostEvents is how many events are kept, the newest.
const mostEvents = 60

// events asks for those about the workload and its two revisions, and for the warnings about pods: also about those that are gone.
func (a *gathering) events(ctx context.Context, pods []pod) {
	ctx, cancel := context.WithTimeout(ctx, a.callPatience)
	defer cancel()
	var found []diagnosis.Event
	take := func(selector fields.Set, side func(corev1.Event) (diagnosis.Side, bool)) bool {
		options := metav1.ListOptions{FieldSelector: selector.String(), Limit: pageSize}
		for range mostPages {
			list, err := a.core.Events(a.workload.Namespace).List(ctx, options)
			if err != nil {
				a.refused(err, "events", "list", "events")
				return false
			}
			for _, e := range list.Items {
				if s, ok := side(e); ok && !lastOf(e).Before(a.out.Since) {
					found = append(found, a.eventOf(e, s))
				}
			}
			if options.Continue = list.Continue; options.Continue == "" {
				break
			}
		}
		return true
	}
	all := func(s diagnosis.Side) func(corev1.Event) (diagnosis.Side, bool) {
		return func(corev1.Event) (diagnosis.Side, bool) { return s, true }
	}
	ok := take(fields.Set{"involvedObject.kind": a.workload.Kind.String(), "involvedObject.name": a.workload.Name}, all("")) &&
		take(fields.Set{"involvedObject.kind": "Pod", "type": corev1.EventTypeWarning}, a.podSide(pods))
	if ok && !a.pin.Release.ByLabel {
		_ = take(fields.Set{"involvedObject.kind": "ReplicaSet", "involvedObject.name": a.pin.Release.ReplicaSet}, all(diagnosis.Release))
	}
	slices.SortStableFunc(found, func(x, y diagnosis.Event) int { return y.Last.Compare(x.Last) })
	a.mu.Lock()
	defer a.mu.Unlock()
	a.out.MoreEvents = max(0, len(found)-mostEvents)
	a.out.Events = slices.Clone(found[:min(len(found), mostEvents)])
}

// podSide tells whose pod an event is about: by the pod, or, if that is gone, by its name.
func (a *gathering) podSide(pods []pod) func(corev1.Event) (diagnosis.Side, bool) {
	sides := map[string]diagnosis.Side{}
	for _, p := range pods {
		sides[p.Name] = p.side
	}
	return func(e corev1.Event) (diagnosis.Side, bool) {
		name := e.InvolvedObject.Name
		if side, ok := sides[name]; ok {
			return side, true
		}
		switch {
		case a.pin.Release.OwnsPod(name):
			return diagnosis.Release, true
		case a.pin.Target != nil && a.pin.Target.OwnsPod(name):
			return diagnosis.Before, true
		}
		return "", false
	}
}

func (a *gathering) eventOf(e corev1.Event, side diagnosis.Side) diagnosis.Event {
	count := max(int(e.Count), 1)
	if e.Series != nil {
		count = max(count, int(e.Series.Count))
	}
	return diagnosis.Event{
		Object: e.InvolvedObject.Kind + " " + e.InvolvedObject.Name, Side: side, Type: e.Type, Reason: a.words(e.Reason), Message: a.words(e.Message),
		Count: count, First: firstOf(e), Last: lastOf(e),
	}
}

func firstOf(e corev1.Event) time.Time {
	if !e.FirstTimestamp.IsZero() {
		return e.FirstTimestamp.UTC()
	}
	if !e.EventTime.IsZero() {
		return e.EventTime.UTC()
	}
	return e.CreationTimestamp.UTC()
}

// lastOf is when an event was last seen; the fields that tell depend on who wrote it.
func lastOf(e corev1.Event) time.Time {
	last := firstOf(e)
	if e.LastTimestamp.After(last) {
		last = e.LastTimestamp.UTC()
	}
	if e.Series != nil && e.Series.LastObservedTime.After(last) {
		last = e.Series.LastObservedTime.UTC()
	}
	return last
}
