package rollback

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ReadCanary reads the Deployment with a canary's pods, and with it the stable one, the Services that they share and what
// would scale the canary. The error is ErrNotFound if, and only if, the API server says that there is no such canary; that
// there is no such stable Deployment is no error.
func (c *Cluster) ReadCanary(ctx context.Context, w Workload, canary Canary) (Snapshot, error) {
	s, err := c.Read(ctx, w, nil)
	if err != nil {
		return Snapshot{}, err
	}
	s.Canary = &CanaryState{Canary: canary}
	stable, err := c.Read(ctx, s.stable(), nil)
	if errors.Is(err, ErrNotFound) {
		return s, nil
	}
	if err != nil {
		return Snapshot{}, err
	}
	s.Canary.Stable = &stable
	if !canary.Named {
		services, err := c.list(ctx, servicesResource(), w.Namespace, "")
		if err != nil {
			return Snapshot{}, fmt.Errorf("unable to list the Services of namespace %s: %w", w.Namespace, err)
		}
		if s.Canary.Services, err = sharedServices(services, s, stable); err != nil {
			return Snapshot{}, err
		}
	}
	if !canary.Undo {
		c.readScalers(ctx, s.Workload, s.Canary)
	}
	return s, nil
}

// scaler is what is read of an object that scales another.
type scaler struct {
	Spec struct {
		Target struct {
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"scaleTargetRef"`
	} `json:"spec"`
}

// readScalers notes what scales the workload. KEDA is asked where it is there and may be: it works by way of a
// HorizontalPodAutoscaler, which shows in any case, but for as long as it is switched off.
func (c *Cluster) readScalers(ctx context.Context, w Workload, state *CanaryState) {
	for _, kind := range []struct {
		name     string
		resource schema.GroupVersionResource
		optional bool
	}{
		{"HorizontalPodAutoscaler", schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}, false},
		{"ScaledObject", schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}, true},
	} {
		objects, err := c.list(ctx, kind.resource, w.Namespace, "")
		switch {
		case err == nil:
			state.Scalers = append(state.Scalers, scalersOf(kind.name, objects, w)...)
		case kind.optional && (apierrors.IsNotFound(err) || IsForbidden(err)):
		default:
			state.ScalersUnknown = err.Error()
		}
	}
}

// scalersOf names those of the objects that scale the Deployment, which is what they mean where they name no kind.
func scalersOf(kind string, objects []apiObject, w Workload) []string {
	var names []string
	for _, object := range objects {
		var read scaler
		if err := readInto(object, &read); err != nil {
			continue // one that names its target in another way does not name this one
		}
		if t := read.Spec.Target; t.Name == w.Name && (t.Kind == "" || t.Kind == "Deployment") {
			names = append(names, kind+" "+object.GetNamespace()+"/"+object.GetName())
		}
	}
	return names
}

// CachedCanary is Cached for a canary; false also while the Services are not cached that it needs. What would scale the
// canary is not in it: plans are made from ReadCanary.
func (w *Watcher) CachedCanary(workload Workload, canary Canary) (Snapshot, bool) {
	s, ok := w.Cached(workload, nil)
	cache := w.synced(workload.scope())
	if !ok || cache == nil || !canary.Named && !cache.services.HasSynced() {
		return Snapshot{}, false
	}
	s.Canary = &CanaryState{Canary: canary}
	stable, ok := cache.snapshot(s.stable(), nil)
	if !ok {
		return s, true
	}
	s.Canary.Stable = &stable
	if canary.Named {
		return s, true
	}
	shared, err := sharedServices(objects(cache.services.GetStore().List()), s, stable)
	if err != nil {
		w.failed(workload.Namespace, err)
		return Snapshot{}, false
	}
	s.Canary.Services = shared
	return s, true
}
