package rollback

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// This file reads the revisions of StatefulSets and DaemonSets. These are ControllerRevisions; each holds the template as
// a strategic merge patch that replaces the workload's (kubernetes, pkg/controller/statefulset/stateful_set_utils.go and
// pkg/controller/daemon/update.go, getPatch).

// revisionLabel tells of a pod which ControllerRevision it was made from: by its name for a StatefulSet, by a hash for a
// DaemonSet. The pods' names do not tell.
const revisionLabel = "controller-revision-hash"

// controllerRevision is what is read of a ControllerRevision.
type controllerRevision struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Revision int64             `json:"revision"`
	Data     struct {
		Spec struct {
			Template json.RawMessage `json:"template"`
		} `json:"spec"`
	} `json:"data"`
}

// setControllerRevisions adds the revisions and pods of a StatefulSet or DaemonSet.
func (s *Snapshot) setControllerRevisions(revisions, pods []apiObject) error {
	states := podStates(pods)
	for _, found := range revisions {
		if !ownedBy(found, s.UID) {
			continue
		}
		var cr controllerRevision
		if err := readInto(found, &cr); err != nil {
			return err
		}
		r, err := s.controllerRevision(cr, states)
		if err != nil {
			return err
		}
		s.Revisions = append(s.Revisions, r)
	}
	slices.SortFunc(s.Revisions, func(a, b Revision) int {
		return cmp.Or(cmp.Compare(b.number(), a.number()), cmp.Compare(a.ReplicaSet, b.ReplicaSet))
	})
	for i := range s.Revisions {
		if s.Live == nil && TemplatesEqual(s.Revisions[i].Template, s.Template) {
			s.Live = &s.Revisions[i] // the newest of equal ones, as the controllers choose
		}
	}
	if s.Live != nil {
		s.Revision = s.Live.Number
	}
	s.Pods = s.ownPods(states)
	return nil
}

// controllerRevision reads one revision, with what its live pods say.
func (s *Snapshot) controllerRevision(cr controllerRevision, pods []PodState) (Revision, error) {
	raw, err := wholeTemplate(cr.Data.Spec.Template)
	if err != nil {
		return Revision{}, fmt.Errorf("unable to read ControllerRevision %s/%s: %w", s.Workload.Namespace, cr.Metadata.Name, err)
	}
	template := parseTemplate(raw)
	r := Revision{
		ReplicaSet: cr.Metadata.Name,
		UID:        string(cr.Metadata.UID),
		Hash:       cr.Metadata.Name,
		Number:     strconv.FormatInt(cr.Revision, 10),
		Template:   raw,
		Version:    s.VersionLabels.version(template),
		Images:     template.images(),
		CreatedAt:  cr.Metadata.CreationTimestamp.UTC(),
		LiveSince:  numberedAt(cr.Metadata.ManagedFields),
		ByLabel:    true,
	}
	if s.Workload.Kind == KindDaemonSet {
		r.Hash = cr.Metadata.Labels[revisionLabel]
	}
	for _, p := range pods {
		if p.Owner != s.UID || p.Hash != r.Hash {
			continue
		}
		r.Replicas++
		if p.Ready {
			r.Ready++
		}
		if r.FirstPodAt.IsZero() || p.CreatedAt.Before(r.FirstPodAt) {
			r.FirstPodAt = p.CreatedAt
		}
	}
	return r, nil
}

// wholeTemplate returns the template that a revision holds, as it goes into a workload. One that is anything but a whole
// template is an error: it could not be put back.
func wholeTemplate(patch json.RawMessage) (json.RawMessage, error) {
	template, ok := decode(patch)
	if !ok {
		return nil, fmt.Errorf("it holds no template")
	}
	if directive := template["$patch"]; directive != "replace" {
		return nil, fmt.Errorf("its template is a patch of kind %v, and not a whole one", directive)
	}
	delete(template, "$patch")
	// The controllers write what they have decoded, and that writes an empty creation time.
	if metadata := child(template, "metadata"); metadata["creationTimestamp"] == nil {
		delete(metadata, "creationTimestamp")
	}
	return json.Marshal(template)
}

// numberedAt tells from a ControllerRevision's managedFields when it was last given its number: when it was made, or when
// its template was put back. Zero if nothing tells. It may be late, if something else was changed afterwards, never early.
func numberedAt(entries []metav1.ManagedFieldsEntry) time.Time {
	var last time.Time
	for _, e := range entries {
		var owned map[string]json.RawMessage
		if e.Time == nil || e.FieldsV1 == nil || json.Unmarshal(e.FieldsV1.GetRawBytes(), &owned) != nil {
			continue
		}
		if _, ok := owned["f:revision"]; ok {
			last = latest(last, e.Time.UTC())
		}
	}
	return last
}

// ownPods returns the workload's pods, each under the revision that it was made from. A pod of a revision that is gone
// stays under the workload itself.
func (s *Snapshot) ownPods(states []PodState) []PodState {
	byHash := map[string]string{}
	for _, r := range s.Revisions {
		byHash[r.Hash] = r.UID
	}
	var own []PodState
	for _, p := range states {
		if p.Owner != s.UID {
			continue
		}
		if uid := byHash[p.Hash]; uid != "" {
			p.Owner = uid
		}
		own = append(own, p)
	}
	return own
}
