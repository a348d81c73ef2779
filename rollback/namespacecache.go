package rollback

import (
	"context"
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

// namespaceCache is the informers of one namespace.
type namespaceCache struct {
	watcher   *Watcher
	namespace string
	factory   dynamicinformer.DynamicSharedInformerFactory
	cancel    context.CancelFunc
	running   sync.WaitGroup

	deployments, replicaSets, pods cache.SharedIndexInformer
}

func newNamespaceCache(w *Watcher, namespace string) *namespaceCache {
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(w.client, 0, namespace, nil)
	return &namespaceCache{
		watcher:     w,
		namespace:   namespace,
		factory:     factory,
		cancel:      func() {},
		deployments: factory.ForResource(deploymentsResource()).Informer(),
		replicaSets: factory.ForResource(replicaSetsResource()).Informer(),
		pods:        factory.ForResource(podsResource()).Informer(),
	}
}

// start fills the caches and keeps them filled until stop is called or ctx ends.
func (c *namespaceCache) start(ctx context.Context) error {
	for _, part := range []struct {
		informer  cache.SharedIndexInformer
		resource  schema.GroupVersionResource
		transform cache.TransformFunc
		workload  func(*unstructured.Unstructured) (Workload, bool)
	}{
		{c.deployments, deploymentsResource(), dropManagedFields, itself},
		{c.replicaSets, replicaSetsResource(), dropManagedFields, ownerDeployment},
		{c.pods, podsResource(), dropPodDetails, c.ownerOfPod},
	} {
		if err := c.prepare(part.informer, part.transform, part.workload); err != nil {
			return fmt.Errorf("unable to watch %s: %w", part.resource.Resource, err)
		}
	}
	ctx, c.cancel = context.WithCancel(ctx)
	c.factory.Start(ctx.Done())
	c.running.Go(func() {
		if cache.WaitForCacheSync(ctx.Done(), c.deployments.HasSynced, c.replicaSets.HasSynced, c.pods.HasSynced) {
			c.watcher.noteAll(c.namespace)
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

func (c *namespaceCache) hasSynced() bool {
	return c.deployments.HasSynced() && c.replicaSets.HasSynced() && c.pods.HasSynced()
}

// prepare sets up an informer that notes the workload which each changed object belongs to.
func (c *namespaceCache) prepare(informer cache.SharedIndexInformer, transform cache.TransformFunc,
	workload func(*unstructured.Unstructured) (Workload, bool)) error {
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
			if w, ok := workload(u); ok {
				c.watcher.note(w)
			}
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

// snapshot builds from the caches what Cluster.Read builds from the API server's answers.
func (c *namespaceCache) snapshot(w Workload) (Snapshot, bool) {
	object, ok, err := c.deployments.GetStore().GetByKey(w.String())
	u, isObject := object.(*unstructured.Unstructured)
	if err != nil || !ok || !isObject {
		return Snapshot{}, false
	}
	var d deployment
	if err := readInto(u, &d); err != nil {
		c.watcher.failed(c.namespace, err)
		return Snapshot{}, false
	}
	s := newSnapshot(d)
	replicaSets := owned(c.replicaSets, s.UID)
	var pods []*unstructured.Unstructured
	for _, rs := range replicaSets {
		pods = append(pods, owned(c.pods, string(rs.GetUID()))...)
	}
	if err := s.setRevisions(replicaSets, pods); err != nil {
		c.watcher.failed(c.namespace, err)
		return Snapshot{}, false
	}
	return s, true
}

func owned(informer cache.SharedIndexInformer, uid string) []*unstructured.Unstructured {
	// The only error is that of an unknown index.
	found, err := informer.GetIndexer().ByIndex(ownerIndex, uid)
	if err != nil {
		return nil
	}
	objects := make([]*unstructured.Unstructured, 0, len(found))
	for _, object := range found {
		if u, ok := object.(*unstructured.Unstructured); ok {
			objects = append(objects, u)
		}
	}
	return objects
}

func itself(deployment *unstructured.Unstructured) (Workload, bool) {
	return Workload{Namespace: deployment.GetNamespace(), Name: deployment.GetName()}, true
}

func ownerDeployment(replicaSet *unstructured.Unstructured) (Workload, bool) {
	owner := metav1.GetControllerOfNoCopy(replicaSet)
	if owner == nil || owner.Kind != "Deployment" {
		return Workload{}, false
	}
	return Workload{Namespace: replicaSet.GetNamespace(), Name: owner.Name}, true
}

// ownerOfPod goes by way of the pod's ReplicaSet. If that is not in the cache it is about to come, or it has just gone,
// and that is a change of the workload in itself.
func (c *namespaceCache) ownerOfPod(pod *unstructured.Unstructured) (Workload, bool) {
	owner := metav1.GetControllerOfNoCopy(pod)
	if owner == nil || owner.Kind != "ReplicaSet" {
		return Workload{}, false
	}
	object, ok, err := c.replicaSets.GetStore().GetByKey(pod.GetNamespace() + "/" + owner.Name)
	replicaSet, isObject := object.(*unstructured.Unstructured)
	if err != nil || !ok || !isObject {
		return Workload{}, false
	}
	return ownerDeployment(replicaSet)
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

// dropPodDetails keeps of a pod only its metadata: there are many pods, and whose they are and since when is all that is
// asked of them here.
func dropPodDetails(object any) (any, error) {
	if u, ok := object.(*unstructured.Unstructured); ok {
		unstructured.RemoveNestedField(u.Object, "spec")
		unstructured.RemoveNestedField(u.Object, "status")
	}
	return dropManagedFields(object)
}
