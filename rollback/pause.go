package rollback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// PauseAnnotation is the annotation of a Deployment that names the pause by which rollbackd stopped its rollout. It holds all
// that it takes to end the pause, so that it ends even if nothing else is remembered.
const PauseAnnotation = "rollbackd.io/paused"

// PauseMark names a pause of rollbackd's own.
type PauseMark struct {
	// Watch is the key of the watch that suspects the release, ID tells its pauses apart.
	Watch string `json:"watch"`
	ID    string `json:"id"`
	// Until is when the rollout goes on at the latest.
	Until time.Time `json:"until"`
}

// Annotation is the mark as the annotation holds it; a struct of strings and a time always encodes.
func (m PauseMark) Annotation() string {
	out, _ := json.Marshal(m)
	return string(out)
}

// id tells pauses apart; empty for none.
func (m *PauseMark) id() string {
	if m == nil {
		return ""
	}
	return m.ID
}

// ParsePause reads the annotation that names a pause; false if it is none that rollbackd wrote. That it can be read does
// not say that the rollout is paused.
func ParsePause(value string) (PauseMark, bool) {
	var m PauseMark
	err := json.Unmarshal([]byte(value), &m)
	return m, err == nil && m.ID != "" && m.Annotation() == value
}

// ownPause reads whose pause it is that stops a rollout: rollbackd's own if the annotation says so and the field is
// rollbackd's. Whoever resumes the rollout and pauses it again leaves the annotation as it is, and takes the field.
func ownPause(d deployment) *PauseMark {
	m, ok := ParsePause(d.Metadata.Annotations[PauseAnnotation])
	if !d.Spec.Paused || !ok {
		return nil
	}
	mine := false
	for _, entry := range d.Metadata.ManagedFields {
		if entry.FieldsV1 == nil || !ownsPaused(entry.FieldsV1.GetRawBytes()) {
			continue
		}
		if entry.Manager != FieldManager {
			return nil
		}
		mine = true
	}
	if !mine {
		return nil
	}
	return &m
}

func ownsPaused(fields []byte) bool {
	var owned struct {
		Spec struct {
			Paused json.RawMessage `json:"f:paused"`
		} `json:"f:spec"`
	}
	return json.Unmarshal(fields, &owned) == nil && owned.Spec.Paused != nil
}

// Pause is what stops a rollout, with the preconditions that the API server checks.
type Pause struct {
	Workload    Workload        `json:"workload"`
	WorkloadUID string          `json:"workloadUID"`
	Template    json.RawMessage `json:"template"`
	Mark        PauseMark       `json:"mark"`
}

// MakePause plans to stop the rollout of the release that was pinned, or refuses: only what is still going on can be
// stopped, and nobody else's pause is taken over.
func MakePause(pin Pin, s Snapshot, mark PauseMark) (Pause, *Refusal) {
	switch _, done, err := RolloutStatus(s); {
	case s.UID != pin.WorkloadUID || s.Deleting:
		return Pause{}, refusal(RefuseWorkloadGone, "%s was deleted after this deployment was pinned", s.Workload)
	case pin.Switch != nil, pin.Canary != nil, s.Workload.Kind != KindDeployment:
		return Pause{}, refusal(RefusePaused, "the release of %s is not brought out by a rolling update of a Deployment", s.Workload)
	case !ContainersEqual(s.Template, pin.Release.Template):
		return Pause{}, refusal(RefuseSuperseded, "%s now runs %s, whose containers are not those of %s", s.Workload, s.liveName(), pin.Release.name())
	case s.Paused:
		return Pause{}, refusal(RefusePaused, "%s is paused already", s.Workload)
	case done || err != nil:
		return Pause{}, refusal(RefusePaused, "the rollout of %s is over, so that there is nothing to stop", s.Workload)
	}
	return Pause{Workload: s.Workload, WorkloadUID: s.UID, Template: s.Template, Mark: mark}, nil
}

// patch is the compare-and-swap that pauses; live is the Deployment as it was just read.
func (p Pause) patch(live deployment) ([]operation, error) {
	template, err := canonical(live.Spec.Template)
	if err != nil {
		return nil, fmt.Errorf("unable to read the live template of %s: %w", p.Workload, err)
	}
	operations := []operation{
		{"test", "/metadata/uid", p.WorkloadUID},
		{"test", "/metadata/resourceVersion", live.Metadata.ResourceVersion},
		{"test", "/spec/template", template},
		{"test", "/spec/paused", nil},
		{"add", "/spec/paused", true},
	}
	if len(live.Metadata.Annotations) == 0 {
		return append(operations,
			operation{"test", "/metadata/annotations", nil},
			operation{"add", "/metadata/annotations", map[string]string{PauseAnnotation: p.Mark.Annotation()}}), nil
	}
	return append(operations, operation{"add", pointer("metadata", "annotations", PauseAnnotation), p.Mark.Annotation()}), nil
}

// resume are the operations that end a pause. Whose it is was read before; only a test of the resourceVersion besides shows
// that nobody has ended it since and made it again, leaving the annotation as it was.
func (m PauseMark) resume() []operation {
	path := pointer("metadata", "annotations", PauseAnnotation)
	return []operation{
		{"test", path, m.Annotation()}, {"test", "/spec/paused", true},
		{"replace", "/spec/paused", false}, {"remove", path, nil},
	}
}

// Pause stops a rollout. The results are those of Apply; to call it again is safe.
func (c *Cluster) Pause(ctx context.Context, p Pause) (Result, string, error) {
	live, err := c.get(ctx, p.Workload)
	if errors.Is(err, ErrNotFound) {
		return Failed, p.Workload.String() + " was deleted", nil
	}
	if err != nil {
		return "", "", err
	}
	switch mark := ownPause(live); {
	case string(live.Metadata.UID) != p.WorkloadUID:
		return Failed, p.Workload.String() + " was deleted and made again", nil
	case mark.id() == p.Mark.ID:
		return Landed, "the rollout is paused by this intent", nil
	case live.Spec.Paused:
		return Superseded, "the rollout was paused by somebody else", nil
	case !TemplatesEqual(live.Spec.Template, p.Template):
		return Superseded, fmt.Sprintf("%s was given another template", p.Workload), nil
	}
	operations, err := p.patch(live)
	if err != nil {
		return Failed, err.Error(), nil
	}
	err = c.patchRollout(ctx, p.Workload, operations)
	if IsForbidden(err) {
		return Failed, err.Error(), nil
	}
	return Landed, "the API server accepted that the rollout is paused", err
}

// Resume ends a pause, if it still is the one that is meant. Superseded says that there is nothing to end: it has been
// ended, or what stops the rollout now is somebody else's. Every other failure is an error, and is worth another try: what
// rollbackd has stopped it must let go on, however long a missing permission takes to come back.
func (c *Cluster) Resume(ctx context.Context, w Workload, mark PauseMark) (Result, string, error) {
	live, err := c.get(ctx, w)
	if errors.Is(err, ErrNotFound) {
		return Superseded, w.String() + " was deleted", nil
	}
	if err != nil {
		return "", "", err
	}
	fence := []operation{
		{"test", "/metadata/uid", string(live.Metadata.UID)},
		{"test", "/metadata/resourceVersion", live.Metadata.ResourceVersion},
	}
	switch mine := ownPause(live); {
	case mine.id() == mark.ID:
		err := c.patchRollout(ctx, w, append(fence, mine.resume()...))
		return Landed, "the API server accepted that the rollout goes on", err
	case live.Spec.Paused:
		return Superseded, "the rollout is paused by somebody else by now, and stays so", nil
	}
	if old, ok := ParsePause(live.Metadata.Annotations[PauseAnnotation]); ok && old.ID == mark.ID {
		remove := operation{"remove", pointer("metadata", "annotations", PauseAnnotation), nil}
		err = c.patchRollout(ctx, w, append(fence, remove))
	}
	return Superseded, "the rollout is not paused any more", err
}

// patchRollout sends a patch that is fenced by the resourceVersion: a failed test only says to look again.
func (c *Cluster) patchRollout(ctx context.Context, w Workload, operations []operation) error {
	body, err := json.Marshal(operations)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	_, err = c.client.Resource(deploymentsResource()).Namespace(w.Namespace).
		Patch(ctx, w.Name, types.JSONPatchType, body, metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil {
		return fmt.Errorf("unable to patch %s: %w", w, err)
	}
	return nil
}
