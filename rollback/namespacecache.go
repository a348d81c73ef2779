package rollback

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
	note      func(*unstructured.Unstructured)
}

func (c *namespaceCache) informers() []part {
	kind := c.scope.kind
	parts := []part{
		{c.deployments, kind.resource(), dropManagedFields, c.noteOf(c.itself)},
		{c.replicaSets, kind.revisionResource(), packReplicaSet, c.noteOf(c.ownerWorkload)},
		{c.pods, podsResource(), dropPodDetails, c.noteOf(c.ownerOfPod)},
	}
	if kind != KindDeployment {
		parts[1].transform = nil // the managedFields of a ControllerRevision tell since when it is the newest
		return parts
	}
	// The managedFields of a Service tell when it was switched. Any watched workload may be one of its colours.
	return append(parts, part{c.services, servicesResource(), nil, func(*unstructured.Unstructured) { c.watcher.noteAll(c.scope) }})
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
	changed func(*unstructured.Unstructured)) error {
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
	note := func(object any) {
		if u, ok := asObject(object); ok {
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
func (c *namespaceCache) noteOf(workload func(*unstructured.Unstructured) (Workload, bool)) func(*unstructured.Unstructured) {
	return func(u *unstructured.Unstructured) {
		if w, ok := workload(u); ok {
			c.watcher.note(w)
		}
	}
}

func (c *namespaceCache) itself(workload *unstructured.Unstructured) (Workload, bool) {
	return c.named(workload.GetName()), true
}

func (c *namespaceCache) named(name string) Workload {
	return Workload{Kind: c.scope.kind, Namespace: c.namespace, Name: name}
}

// ownerWorkload is the workload that controls an object.
func (c *namespaceCache) ownerWorkload(object *unstructured.Unstructured) (Workload, bool) {
	owner := metav1.GetControllerOfNoCopy(object)
	if owner == nil || owner.Kind != c.scope.kind.String() {
		return Workload{}, false
	}
	return c.named(owner.Name), true
}

// ownerOfPod goes by way of the pod's ReplicaSet, if its workload has these. If that is not in the cache it is about to
// come, or it has just gone, and that is a change of the workload in itself.
func (c *namespaceCache) ownerOfPod(pod *unstructured.Unstructured) (Workload, bool) {
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

func ownerUID(object any) ([]string, error) {
	u, ok := object.(*unstructured.Unstructured)
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
func asObject(object any) (*unstructured.Unstructured, bool) {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	u, ok := object.(*unstructured.Unstructured)
	return u, ok
}

func sameVersion(old, new any) bool {
	a, okA := asObject(old)
	b, okB := asObject(new)
	return okA && okB && a.GetResourceVersion() == b.GetResourceVersion() && a.GetResourceVersion() != ""
}

// dropManagedFields saves the memory of what can be half of an object.
func dropManagedFields(object any) (any, error) {
	if u, ok := object.(*unstructured.Unstructured); ok {
		u.SetManagedFields(nil)
	}
	return object, nil
}

// packReplicaSet keeps the template as a string of JSON. A workload has up to ten ReplicaSets and more, and a tree of maps takes
// several times as much memory as its text.
func packReplicaSet(object any) (any, error) {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return object, nil
	}
	unstructured.RemoveNestedField(u.Object, "status", "conditions")
	spec, ok := u.Object["spec"].(map[string]any)
	if !ok {
		return dropManagedFields(object)
	}
	if template, ok := spec["template"].(map[string]any); ok {
		packed, err := json.Marshal(template)
		if err != nil {
			return nil, err
		}
		u.Object["spec"] = map[string]any{"replicas": spec["replicas"], "template": string(packed)}
	}
	return dropManagedFields(object)
}

// unpacked is the template of a ReplicaSet from the API server, or from packReplicaSet.
func unpacked(template json.RawMessage) json.RawMessage {
	var packed string
	if json.Unmarshal(template, &packed) == nil {
		return json.RawMessage(packed)
	}
	return template
}

// dropPodDetails keeps of a pod only its metadata and how it does: there are many pods, and no more is asked of them here.
func dropPodDetails(object any) (any, error) {
	if u, ok := object.(*unstructured.Unstructured); ok {
		unstructured.RemoveNestedField(u.Object, "spec")
		if status, ok := u.Object["status"].(map[string]any); ok {
			kept := map[string]any{}
			for _, field := range []string{"phase", "conditions", "containerStatuses", "initContainerStatuses"} {
				if value, found := status[field]; found {
					kept[field] = value
				}
			}
			u.Object["status"] = kept
		}
	}
	return dropManagedFields(object)
}
