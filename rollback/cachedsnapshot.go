package rollback

import (
	"k8s.io/client-go/tools/cache"
)

// snapshot builds from the caches what Cluster.Read builds from the API server's answers.
func (c *namespaceCache) snapshot(w Workload, sw *Switch) (Snapshot, bool) {
	workload := stored(c.deployments, w.String())
	if workload == nil || sw != nil && (c.services == nil || !c.services.HasSynced()) {
		return Snapshot{}, false
	}
	s, err := c.read(workload, sw)
	if err != nil {
		c.watcher.failed(c.namespace, err)
		return Snapshot{}, false
	}
	return s, true
}

func (c *namespaceCache) read(workload apiObject, sw *Switch) (Snapshot, error) {
	var d deployment
	if err := readInto(workload, &d); err != nil {
		return Snapshot{}, err
	}
	replicaSets, pods, err := c.parts(d)
	if err != nil {
		return Snapshot{}, err
	}
	s := newSnapshot(d, c.watcher.options.VersionLabels)
	if err := s.setRevisions(replicaSets, pods); err != nil || sw == nil {
		return s, err
	}
	return s, c.readSwitch(&s, *sw)
}

// parts never fails; it is a partsOf.
func (c *namespaceCache) parts(d deployment) (replicaSets, pods []apiObject, _ error) {
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
	if found := stored(c.services, s.Workload.Namespace+"/"+sw.Service); found != nil {
		if err := readInto(found, &svc); err != nil {
			return err
		}
	}
	s.Switch = newSwitchState(sw, svc)
	if !s.Switch.switchable() {
		return nil
	}
	s.Switch.countReady(objects(c.pods.GetStore().List()))
	return s.findOld(objects(c.deployments.GetStore().List()), c.parts)
}

// stored returns the object with that key (namespace/name), nil if it is not in the cache.
func stored(informer cache.SharedIndexInformer, key string) apiObject {
	found, ok, err := informer.GetStore().GetByKey(key)
	u, isObject := found.(apiObject)
	if err != nil || !ok || !isObject {
		return nil
	}
	return u
}

func owned(informer cache.SharedIndexInformer, uid string) []apiObject {
	// The only error is that of an unknown index.
	found, err := informer.GetIndexer().ByIndex(ownerIndex, uid)
	if err != nil {
		return nil
	}
	return objects(found)
}

func objects(found []any) []apiObject {
	list := make([]apiObject, 0, len(found))
	for _, one := range found {
		if u, ok := one.(apiObject); ok {
			list = append(list, u)
		}
	}
	return list
}
