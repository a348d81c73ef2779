package rollback

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"
)

// snapshot builds from the caches what Cluster.Read builds from the API server's answers.
func (c *namespaceCache) snapshot(w Workload, sw *Switch) (Snapshot, bool) {
	object := stored(c.deployments, w.String())
	if object == nil || sw != nil && (c.services == nil || !c.services.HasSynced()) {
		return Snapshot{}, false
	}
	s, err := c.read(object, sw)
	if err != nil {
		c.watcher.failed(c.namespace, err)
		return Snapshot{}, false
	}
	return s, true
}

func (c *namespaceCache) read(object *unstructured.Unstructured, sw *Switch) (Snapshot, error) {
	var d deployment
	if err := readInto(object, &d); err != nil {
		return Snapshot{}, err
	}
	replicaSets, pods, err := c.parts(d)
	if err != nil {
		return Snapshot{}, err
	}
	s := newSnapshot(d)
	if err := s.setRevisions(replicaSets, pods); err != nil || sw == nil {
		return s, err
	}
	return s, c.readSwitch(&s, *sw)
}

// parts never fails; it is a partsOf.
func (c *namespaceCache) parts(d deployment) (replicaSets, pods []*unstructured.Unstructured, _ error) {
	replicaSets = owned(c.replicaSets, string(d.Metadata.UID))
	if d.workload().Kind != KindDeployment {
		return replicaSets, owned(c.pods, string(d.Metadata.UID)), nil
	}
	for _, rs := range replicaSets {
		pods = append(pods, owned(c.pods, string(rs.GetUID()))...)
	}
	return replicaSets, pods, nil
}

// readSwitch adds to a snapshot what its switch is about.
func (c *namespaceCache) readSwitch(s *Snapshot, sw Switch) error {
	var svc service
	if object := stored(c.services, s.Workload.Namespace+"/"+sw.Service); object != nil {
		if err := readInto(object, &svc); err != nil {
			return err
		}
	}
	s.Switch = newSwitchState(sw, svc)
	if !s.Switch.switchable() {
		return nil
	}
	s.Switch.countReady(objects(c.pods.GetStore().List()))
	return s.Switch.findOld(objects(c.deployments.GetStore().List()), s.UID, c.parts)
}

// stored returns the object with that key (namespace/name), nil if it is not in the cache.
func stored(informer cache.SharedIndexInformer, key string) *unstructured.Unstructured {
	object, ok, err := informer.GetStore().GetByKey(key)
	u, isObject := object.(*unstructured.Unstructured)
	if err != nil || !ok || !isObject {
		return nil
	}
	return u
}

func owned(informer cache.SharedIndexInformer, uid string) []*unstructured.Unstructured {
	// The only error is that of an unknown index.
	found, err := informer.GetIndexer().ByIndex(ownerIndex, uid)
	if err != nil {
		return nil
	}
	return objects(found)
}

func objects(found []any) []*unstructured.Unstructured {
	list := make([]*unstructured.Unstructured, 0, len(found))
	for _, object := range found {
		if u, ok := object.(*unstructured.Unstructured); ok {
			list = append(list, u)
		}
	}
	return list
}
