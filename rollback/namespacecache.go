package rollback

import (
	"context"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// ownerIndex finds ReplicaSets and pods by the UID of the object that controls them.
const ownerIndex = "owner"

// namespaceCache is the informers of one scope.
type namespaceCache struct {
	watcher   *Watcher
	scope     scope
	namespace string
	factory   dynamicinformer.DynamicSharedInformerFactory
	cancel    context.CancelFunc
	running   sync.WaitGroup

	// replicaSets are ControllerRevisions where the workloads have these; services is nil there.
	deployments, replicaSets, pods, services cache.SharedIndexInformer
}

func newNamespaceCache(w *Watcher, of scope) *namespaceCache {
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(w.client, 0, of.namespace, nil)
	c := &namespaceCache{
		watcher:     w,
		scope:       of,
		namespace:   of.namespace,
		factory:     factory,
		cancel:      func() {},
		deployments: factory.ForResource(of.kind.resource()).Informer(),
		replicaSets: factory.ForResource(of.kind.revisionResource()).Informer(),
		pods:        factory.ForResource(podsResource()).Informer(),
	}
	if of.kind == KindDeployment {
		c.services = factory.ForResource(servicesResource()).Informer()
	}
	return c
}

// part is one informer, what is kept of its objects, and whose workload a change of one is noted for.
type part struct {
	informer  cache.SharedIndexInformer
	resource  schema.GroupVersionResource
	transform cache.TransformFunc
	note      func(apiObject)
}

func (c *namespaceCache) informers() []part {
	kind := c.scope.kind
	parts := []part{
		{c.deployments, kind.resource(), packDeployment, c.noteOf(c.itself)},
		{c.replicaSets, kind.revisionResource(), packing(cutReplicaSet), c.noteOf(c.ownerWorkload)},
		{c.pods, podsResource(), packPod, c.noteOf(c.ownerOfPod)},
	}
	if kind != KindDeployment {
		parts[1].transform = packing(dropNothing) // the managedFields of a ControllerRevision tell since when it is the newest
		return parts
	}
	// The managedFields of a Service tell when it was switched. Any watched workload may be one of its colours.
	return append(parts, part{c.services, servicesResource(), packing(dropNothing), func(apiObject) { c.watcher.noteAll(c.scope) }})
}

// start fills the caches and keeps them filled until stop is called or ctx ends.
func (c *namespaceCache) start(ctx context.Context) error {
	for _, part := range c.informers() {
		if err := c.prepare(part.informer, part.transform, part.note); err != nil {
			return fmt.Errorf("unable to watch %s: %w", part.resource.Resource, err)
		}
	}
	ctx, c.cancel = context.WithCancel(ctx)
	c.factory.Start(ctx.Done())
	c.running.Go(func() {
		if cache.WaitForCacheSync(ctx.Done(), c.deployments.HasSynced, c.replicaSets.HasSynced, c.pods.HasSynced) {
			c.watcher.noteAll(c.scope)
		}
		if c.services != nil && cache.WaitForCacheSync(ctx.Done(), c.services.HasSynced) {
			c.watcher.noteAll(c.scope)
		}
	})
	return nil
}

// stop ends the informers and waits for them.
func (c *namespaceCache) stop() {
	c.cancel()
	c.factory.Shutdown()
	c.running.Wait()
}

// hasSynced leaves the Services out: those who only roll need not let rollbackd see them.
func (c *namespaceCache) hasSynced() bool {
	return c.deployments.HasSynced() && c.replicaSets.HasSynced() && c.pods.HasSynced()
}

// prepare sets up an informer that notes each changed object.
func (c *namespaceCache) prepare(informer cache.SharedIndexInformer, transform cache.TransformFunc,
	changed func(apiObject)) error {
	if err := informer.SetTransform(transform); err != nil {
		return err
	}
	if err := informer.AddIndexers(cache.Indexers{ownerIndex: ownerUID}); err != nil {
		return err
	}
	if c.watcher.options.OnError != nil {
		tell := func(_ context.Context, _ *cache.Reflector, err error) { c.watcher.failed(c.namespace, err) }
		if err := informer.SetWatchErrorHandlerWithContext(tell); err != nil {
			return err
		}
	}
	note := func(told any) {
		if u, ok := asObject(told); ok {
			changed(u)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    note,
		DeleteFunc: note,
		UpdateFunc: func(old, new any) {
			if !sameVersion(old, new) {
				note(new)
			}
		},
	})
	return err
}

// noteOf returns a function that notes the workload which an object belongs to.
func (c *namespaceCache) noteOf(workload func(apiObject) (Workload, bool)) func(apiObject) {
	return func(u apiObject) {
		if w, ok := workload(u); ok {
			c.watcher.note(w)
		}
	}
}

func (c *namespaceCache) itself(workload apiObject) (Workload, bool) {
	return c.named(workload.GetName()), true
}

func (c *namespaceCache) named(name string) Workload {
	return Workload{Kind: c.scope.kind, Namespace: c.namespace, Name: name}
}

// ownerWorkload is the workload that controls an object.
func (c *namespaceCache) ownerWorkload(of apiObject) (Workload, bool) {
	owner := metav1.GetControllerOfNoCopy(of)
	if owner == nil || owner.Kind != c.scope.kind.String() {
		return Workload{}, false
	}
	return c.named(owner.Name), true
}

// ownerOfPod goes by way of the pod's ReplicaSet, if its workload has these. If that is not in the cache it is about to
// come, or it has just gone, and that is a change of the workload in itself.
func (c *namespaceCache) ownerOfPod(pod apiObject) (Workload, bool) {
	if c.scope.kind != KindDeployment {
		return c.ownerWorkload(pod)
	}
	owner := metav1.GetControllerOfNoCopy(pod)
	if owner == nil || owner.Kind != "ReplicaSet" {
		return Workload{}, false
	}
	replicaSet := stored(c.replicaSets, pod.GetNamespace()+"/"+owner.Name)
	if replicaSet == nil {
		return Workload{}, false
	}
	return c.ownerWorkload(replicaSet)
}

func ownerUID(indexed any) ([]string, error) {
	u, ok := indexed.(apiObject)
	if !ok {
		return nil, nil
	}
	owner := metav1.GetControllerOfNoCopy(u)
	if owner == nil {
		return nil, nil
	}
	return []string{string(owner.UID)}, nil
}

// asObject also unwraps what an informer passes for an object whose deletion it missed.
func asObject(told any) (apiObject, bool) {
	if tombstone, ok := told.(cache.DeletedFinalStateUnknown); ok {
		told = tombstone.Obj
	}
	u, ok := told.(apiObject)
	return u, ok
}

func sameVersion(old, new any) bool {
	a, okA := asObject(old)
	b, okB := asObject(new)
	return okA && okB && a.GetResourceVersion() == b.GetResourceVersion() && a.GetResourceVersion() != ""
}
