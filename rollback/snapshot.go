package rollback

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Annotations of the Deployment controller.
const (
	revisionAnnotation = "deployment.kubernetes.io/revision"
	historyAnnotation  = "deployment.kubernetes.io/revision-history"
)

// Snapshot is everything that settling, pinning and planning need to know of one workload, as it was read.
type Snapshot struct {
	Workload        Workload
	UID             string
	ResourceVersion string
	// Generation is the newest change of the specification, ObservedGeneration the newest one that the Deployment
	// controller has acted on.
	Generation, ObservedGeneration int64
	// Deleting is set while the workload waits for its finalizers.
	Deleting bool
	// Revision is the revision annotation; empty before the controller has seen the workload.
	Revision    string
	Annotations map[string]string
	// Traces tell who else writes the workload.
	Traces Traces
	// Template is /spec/template as the API server gave it.
	Template json.RawMessage
	// VersionLabels are what the workload was read with, and tell which version a template is.
	VersionLabels VersionLabels
	Paused        bool
	// OwnPause is set if the pause is one of rollbackd's own; only of a live read.
	OwnPause *PauseMark
	// Update is how a StatefulSet or DaemonSet is updated; zero for a Deployment.
	Update UpdateStrategy
	// Ordered says that a StatefulSet replaces a pod only once all others are ready.
	Ordered bool
	// Replicas is how many are wanted.
	Replicas int32
	Status   Status
	// Live is the ReplicaSet whose template equals the live template; nil until the controller has made it.
	Live *Revision
	// Revisions are all ReplicaSets that the workload owns, the newest revision first.
	Revisions []Revision
	// Pods are the live pods of all revisions.
	Pods []PodState
	// Switch is set if the workload was read together with a switch.
	Switch *SwitchState
	// Inspected is what is known of what a pin's target needs; nil before Cluster.Inspect.
	Inspected *Inspection
	// Canary is set if the workload was read as the canary of another one.
	Canary *CanaryState
}

// Status is what the workload's controller reports of a rollout.
type Status struct {
	ObservedGeneration int64 `json:"observedGeneration"`
	Replicas           int32 `json:"replicas"`
	UpdatedReplicas    int32 `json:"updatedReplicas"`
	ReadyReplicas      int32 `json:"readyReplicas"`
	AvailableReplicas  int32 `json:"availableReplicas"`
	// CurrentRevision and UpdateRevision are a StatefulSet's, the others a DaemonSet's, which counts nodes.
	CurrentRevision        string      `json:"currentRevision"`
	UpdateRevision         string      `json:"updateRevision"`
	DesiredNumberScheduled int32       `json:"desiredNumberScheduled"`
	UpdatedNumberScheduled int32       `json:"updatedNumberScheduled"`
	NumberAvailable        int32       `json:"numberAvailable"`
	Conditions             []Condition `json:"conditions"`
}

// Condition is one condition of a Deployment.
type Condition struct {
	Type           string    `json:"type"`
	Status         string    `json:"status"`
	Reason         string    `json:"reason"`
	Message        string    `json:"message"`
	LastUpdateTime time.Time `json:"lastUpdateTime"`
}

// Version is what the live template calls itself; empty if it has neither a version label nor an image tag or digest.
func (s Snapshot) Version() string { return s.VersionLabels.version(parseTemplate(s.Template)) }

// Images are the images of the live template's containers.
func (s Snapshot) Images() []string { return parseTemplate(s.Template).images() }

// condition returns the condition of that type, nil if the controller has not set it.
func (s Snapshot) condition(kind string) *Condition {
	for i := range s.Status.Conditions {
		if s.Status.Conditions[i].Type == kind {
			return &s.Status.Conditions[i]
		}
	}
	return nil
}

// revision finds the ReplicaSet with that UID.
func (s Snapshot) revision(uid string) *Revision {
	for i := range s.Revisions {
		if s.Revisions[i].UID == uid {
			return &s.Revisions[i]
		}
	}
	return nil
}

// newSnapshot reads a workload alone; setRevisions completes it.
func newSnapshot(d deployment, l VersionLabels) Snapshot {
	s := Snapshot{
		Workload:           d.workload(),
		UID:                string(d.Metadata.UID),
		ResourceVersion:    d.Metadata.ResourceVersion,
		Generation:         d.Metadata.Generation,
		ObservedGeneration: d.Status.ObservedGeneration,
		Deleting:           d.Metadata.DeletionTimestamp != nil,
		Revision:           d.Metadata.Annotations[revisionAnnotation],
		Annotations:        d.Metadata.Annotations,
		Traces:             newTraces(d.Metadata),
		Template:           d.Spec.Template,
		VersionLabels:      l,
		Paused:             d.Spec.Paused,
		OwnPause:           ownPause(d),
		Update:             UpdateStrategy{Type: d.Spec.UpdateStrategy.Type, Partition: d.Spec.UpdateStrategy.RollingUpdate.Partition},
		Ordered:            d.Spec.PodManagementPolicy == "OrderedReady",
		Replicas:           1,
		Status:             d.Status,
	}
	switch {
	case s.Workload.Kind == KindDaemonSet:
		s.Replicas = d.Status.DesiredNumberScheduled
	case d.Spec.Replicas != nil:
		s.Replicas = *d.Spec.Replicas
	}
	if s.Workload.Kind != KindDeployment { // an annotation of that name would say nothing of these
		s.Revision = ""
	}
	return s
}

// setRevisions adds the revisions and pods that belong to the workload; those of others are passed over.
func (s *Snapshot) setRevisions(revisions, pods []apiObject) error {
	if s.Workload.Kind != KindDeployment {
		return s.setControllerRevisions(revisions, pods)
	}
	return s.setReplicaSets(revisions, pods)
}

func (s *Snapshot) setReplicaSets(replicaSets, pods []apiObject) error {
	first := firstPods(pods)
	for _, found := range replicaSets {
		if !ownedBy(found, s.UID) {
			continue
		}
		var rs replicaSet
		if err := readInto(found, &rs); err != nil {
			return err
		}
		s.Revisions = append(s.Revisions, newRevision(rs, first[string(rs.Metadata.UID)], s.VersionLabels))
	}
	slices.SortFunc(s.Revisions, func(a, b Revision) int {
		return cmp.Or(cmp.Compare(b.number(), a.number()), cmp.Compare(a.ReplicaSet, b.ReplicaSet))
	})
	s.Live = s.findLive()
	for _, p := range podStates(pods) {
		if s.revision(p.Owner) != nil {
			s.Pods = append(s.Pods, p)
		}
	}
	return nil
}

// findLive picks the oldest ReplicaSet with the live template, as the Deployment controller does if there are several.
func (s *Snapshot) findLive() *Revision {
	var live *Revision
	for i := range s.Revisions {
		r := &s.Revisions[i]
		if !TemplatesEqual(r.Template, s.Template) || live != nil && !r.CreatedAt.Before(live.CreatedAt) {
			continue
		}
		live = r
	}
	return live
}

func newRevision(rs replicaSet, firstPodAt time.Time, l VersionLabels) Revision {
	template := parseTemplate(rs.Spec.Template)
	r := Revision{
		ReplicaSet: rs.Metadata.Name,
		UID:        string(rs.Metadata.UID),
		Hash:       rs.Metadata.Labels[hashLabel],
		Number:     rs.Metadata.Annotations[revisionAnnotation],
		Template:   stripHash(rs.Spec.Template),
		Version:    l.version(template),
		Images:     template.images(),
		CreatedAt:  rs.Metadata.CreationTimestamp.UTC(),
		FirstPodAt: firstPodAt,
		Ready:      rs.Status.ReadyReplicas,
		PodPrefix:  podPrefix(rs.Metadata.Name),
		Revived:    rs.Metadata.Annotations[historyAnnotation] != "",
	}
	if rs.Spec.Replicas != nil {
		r.Replicas = *rs.Spec.Replicas
	}
	return r
}

// number is the revision as a number; zero if the controller has not given it one.
func (r Revision) number() int64 {
	n, err := strconv.ParseInt(r.Number, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// name is how people are told of a revision.
func (r Revision) name() string {
	if r.Version == "" {
		return "revision " + r.Number
	}
	return r.Version + " (revision " + r.Number + ")"
}

// PodsNamed reports whether it can be told which pods are of this revision: by their names, or by their label. The name of a ReplicaSet of more than
// 57 characters is cut in its pods' names, and what is left may begin the names of others' pods too: those could be
// taken for this version's, so it cannot be judged.
func (r Revision) PodsNamed() bool { return r.ByLabel || r.PodPrefix == r.ReplicaSet+"-" }

// podPrefix is what the API server's generateName makes of a ReplicaSet's name: the rest is five random characters, and
// a name has at most 63. For a Deployment whose name is longer than about 47 characters the prefix loses part of the
// hash, and then two ReplicaSets of it may share one.
func podPrefix(replicaSet string) string {
	const longest = 63 - 5
	prefix := replicaSet + "-"
	return prefix[:min(len(prefix), longest)]
}

// firstPods returns the earliest creation of a live pod by the UID of the ReplicaSet that owns it.
func firstPods(pods []apiObject) map[string]time.Time {
	first := make(map[string]time.Time)
	for _, pod := range pods {
		owner := metav1.GetControllerOfNoCopy(pod)
		if owner == nil || pod.GetDeletionTimestamp() != nil {
			continue
		}
		created := pod.GetCreationTimestamp().UTC()
		if known, ok := first[string(owner.UID)]; !ok || created.Before(known) {
			first[string(owner.UID)] = created
		}
	}
	return first
}

func ownedBy(found apiObject, uid string) bool {
	owner := metav1.GetControllerOfNoCopy(found)
	return owner != nil && string(owner.UID) == uid
}
