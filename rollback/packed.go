package rollback

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"
)

// This file is about the form in which the caches keep objects. An answer of the API server is decoded into a tree of maps, which takes
// five to ten times as much memory as its text: with a thousand workloads that would be most of what the daemon takes. Of pods, which
// are the most, only what was read of them is kept.

// apiObject is an object of the cluster, as the API server answered it or as the caches keep it.
type apiObject interface {
	metav1.Object
	GetKind() string
	MarshalJSON() ([]byte, error)
}

// packed is an object as the caches keep it. Of its metadata only that is set by which it is found again.
type packed struct {
	metav1.ObjectMeta
	kind string
	// text is its JSON; nil of a pod, which was read into pod.
	text []byte
	pod  *podRead
	// podLabels are those that a Deployment gives its pods.
	podLabels labels.Set
}

var _ apiObject = (*packed)(nil)

// GetKind returns the kind of the object.
func (p *packed) GetKind() string { return p.kind }

// MarshalJSON returns what is kept of the object.
func (p *packed) MarshalJSON() ([]byte, error) {
	if p.text == nil {
		return nil, fmt.Errorf("the text of %s %s/%s is not kept", p.kind, p.Namespace, p.Name)
	}
	return p.text, nil
}

// packing returns what packs the objects of an informer, each cut to what is asked of it. An informer may hand an object on twice.
func packing(cut func(*unstructured.Unstructured)) cache.TransformFunc {
	return func(from any) (any, error) {
		u, ok := from.(*unstructured.Unstructured)
		if !ok {
			return from, nil
		}
		cut(u)
		text, err := json.Marshal(u.Object)
		if err != nil {
			return nil, err
		}
		p := outlineOf(u)
		p.text = text
		return p, nil
	}
}

// packPod keeps of a pod how it does.
func packPod(from any) (any, error) {
	u, ok := from.(*unstructured.Unstructured)
	if !ok {
		return from, nil
	}
	p := outlineOf(u)
	p.Labels, p.CreationTimestamp = u.GetLabels(), u.GetCreationTimestamp()
	read := readPod(u)
	p.pod = &read
	return p, nil
}

// packDeployment keeps all but the managedFields.
func packDeployment(from any) (any, error) {
	u, ok := from.(*unstructured.Unstructured)
	if !ok {
		return from, nil
	}
	whole, err := packing(dropManagedFields)(u)
	if p, ok := whole.(*packed); ok {
		p.podLabels = podLabels(u)
	}
	return whole, err
}

func outlineOf(u *unstructured.Unstructured) *packed {
	p := &packed{kind: u.GetKind(), ObjectMeta: metav1.ObjectMeta{
		Name: u.GetName(), Namespace: u.GetNamespace(), UID: u.GetUID(), ResourceVersion: u.GetResourceVersion(),
		DeletionTimestamp: u.GetDeletionTimestamp(),
	}}
	if owner := metav1.GetControllerOf(u); owner != nil {
		p.OwnerReferences = []metav1.OwnerReference{*owner}
	}
	return p
}

// dropManagedFields saves the memory of what can be half of an object.
func dropManagedFields(u *unstructured.Unstructured) { u.SetManagedFields(nil) }

// dropNothing is for objects whose managedFields tell something.
func dropNothing(*unstructured.Unstructured) {}

// cutReplicaSet keeps what is read of a ReplicaSet. Without the label its template is written as its workload's is.
func cutReplicaSet(u *unstructured.Unstructured) {
	dropManagedFields(u)
	unstructured.RemoveNestedField(u.Object, "status", "conditions")
	unstructured.RemoveNestedField(u.Object, "spec", "template", "metadata", "labels", hashLabel)
	if spec, ok := u.Object["spec"].(map[string]any); ok {
		u.Object["spec"] = kept(spec, "replicas", "template")
	}
}

// cutToTemplate keeps of a Deployment what is compared: there may be thousands.
func cutToTemplate(u *unstructured.Unstructured) {
	dropManagedFields(u)
	u.SetAnnotations(nil)
	spec, _ := u.Object["spec"].(map[string]any)
	status, _ := u.Object["status"].(map[string]any)
	u.Object["spec"], u.Object["status"] = kept(spec, "template"), kept(status, "conditions")
}

func kept(whole map[string]any, fields ...string) map[string]any {
	out := map[string]any{}
	for _, field := range fields {
		if value, ok := whole[field]; ok {
			out[field] = value
		}
	}
	return out
}
