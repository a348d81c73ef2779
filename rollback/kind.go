package rollback

import "k8s.io/apimachinery/pkg/runtime/schema"

// Kind is the kind of a workload; the zero value is a Deployment.
type Kind string

// The kinds of workloads that can be rolled back.
const (
	KindDeployment  Kind = ""
	KindStatefulSet Kind = "StatefulSet"
	KindDaemonSet   Kind = "DaemonSet"
)

// KindNamed returns the kind that Kubernetes calls so; everything that is not known is a Deployment.
func KindNamed(name string) Kind {
	switch k := Kind(name); k {
	case KindStatefulSet, KindDaemonSet:
		return k
	}
	return KindDeployment
}

// String returns Kubernetes' name of the kind.
func (k Kind) String() string {
	if k == KindDeployment {
		return "Deployment"
	}
	return string(k)
}

// resource is what the API server serves the kind as.
func (k Kind) resource() schema.GroupVersionResource {
	switch k {
	case KindStatefulSet:
		return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
	case KindDaemonSet:
		return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
	}
	return deploymentsResource()
}

// revisionResource is what the API server serves the kind's revisions as.
func (k Kind) revisionResource() schema.GroupVersionResource {
	if k == KindDeployment {
		return replicaSetsResource()
	}
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "controllerrevisions"}
}

// revisionKind is the kind of the objects that keep the workload's earlier templates.
func (k Kind) revisionKind() string {
	if k == KindDeployment {
		return "ReplicaSet"
	}
	return "ControllerRevision"
}

// controller is who acts on a change of such a workload.
func (k Kind) controller() string { return "the " + k.String() + " controller" }

// workloadName is how people are told of a workload, with its kind.
func (w Workload) workloadName() string { return w.Kind.String() + " " + w.String() }
