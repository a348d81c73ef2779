package rollback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aymanbagabas/go-udiff"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/internal/mask"
)

// DrillAnnotation marks the pod template of a drill with the drill's ID. So each drill is a release of its own, and one that was left
// live is found by whoever looks.
const DrillAnnotation = "rollbackd.io/drill"

// DrillFieldManager is the name under which a drill's changes appear in managedFields. They are made by a person, and not by rollbackd.
const DrillFieldManager = "rollbackctl-drill"

// ErrDrillLive says that the workload runs the version of a drill already.
var ErrDrillLive = errors.New("it runs the version of a drill")

// Drill is a change of a workload's pod template for the time of a rehearsal.
type Drill struct {
	ID       string
	Workload Workload
	// UID is the workload's.
	UID string
	// Good is the template that was live before, Bad the one with the change, as the API server completes it.
	Good, Bad json.RawMessage
	// VersionLabels tell which version a template is; DefaultVersionLabels if there are none.
	VersionLabels VersionLabels
}

// Version is what the bad template calls itself; empty if it has neither a version label nor an image tag or digest.
func (d Drill) Version() string { return d.VersionLabels.version(parseTemplate(d.Bad)) }

// GoodVersion is what the good template calls itself.
func (d Drill) GoodVersion() string { return d.VersionLabels.version(parseTemplate(d.Good)) }

// PrepareDrill finds out what a change would make of a workload's pod template, and changes nothing. The change is a strategic merge
// patch of the template, as JSON, and the API server itself tells what comes of it, by a dry run. A change of nothing that runs is
// refused: rollbackd takes it for a restart.
func (c *Cluster) PrepareDrill(ctx context.Context, w Workload, id string, change []byte) (Drill, error) {
	live, err := c.get(ctx, w)
	if err != nil {
		return Drill{}, err
	}
	if drillIn(live.Spec.Template) != "" {
		return Drill{}, fmt.Errorf("%s: %w", w.workloadName(), ErrDrillLive)
	}
	if live.Spec.Paused {
		return Drill{}, fmt.Errorf("%s is paused", w.workloadName())
	}
	body, err := templatePatch(change, id)
	if err != nil {
		return Drill{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	object, err := c.client.Resource(w.Kind.resource()).Namespace(w.Namespace).Patch(ctx, w.Name, types.StrategicMergePatchType, body,
		metav1.PatchOptions{FieldManager: DrillFieldManager, DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return Drill{}, fmt.Errorf("the API server would not take the change of %s: %w", w.workloadName(), err)
	}
	var changed deployment
	if err := readInto(object, &changed); err != nil {
		return Drill{}, err
	}
	if ContainersEqual(live.Spec.Template, changed.Spec.Template) {
		return Drill{}, errors.New("the change leaves everything as it is that runs, so that rollbackd takes it for a restart; " +
			"change an image, a command, an environment variable, resources or volumes")
	}
	return Drill{ID: id, Workload: w, UID: string(live.Metadata.UID), Good: live.Spec.Template, Bad: changed.Spec.Template, VersionLabels: c.options.VersionLabels}, nil
}

// templatePatch puts the change of a template where it stands in the workload, and marks it.
func templatePatch(change []byte, id string) ([]byte, error) {
	template, ok := decode(change)
	if !ok {
		return nil, errors.New("the change is no JSON object")
	}
	annotate(template, DrillAnnotation, id)
	return json.Marshal(inSpec("template", template))
}

// annotate sets an annotation of a template, which is changed.
func annotate(template map[string]any, name, value string) {
	meta, _ := template["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	annotations, _ := meta["annotations"].(map[string]any)
	if annotations == nil {
		annotations = map[string]any{}
	}
	annotations[name], meta["annotations"], template["metadata"] = value, annotations, meta
}

// Drill is the ID of the drill whose version the workload runs; empty if it runs that of none.
func (s Snapshot) Drill() string { return drillIn(s.Template) }

// drillIn is the ID of the drill that a template is of; empty if it is of none.
func drillIn(template json.RawMessage) string {
	decoded, _ := decode(template)
	id, _ := child(child(decoded, "metadata"), "annotations")[DrillAnnotation].(string)
	return id
}

// Diff shows the change as a unified diff of YAML that is harmless on a terminal, and hides what looks like a secret: a scheduled drill writes it into
// a log.
func (d Drill) Diff() (string, error) { return d.diff("for the drill", d.Good, d.Bad) }

// UndoDiff shows in the same way what the end of the drill changes.
func (d Drill) UndoDiff() (string, error) { return d.diff("as before the drill", d.Bad, d.Good) }

func (d Drill) diff(after string, was, is json.RawMessage) (string, error) {
	before, now := hideSecrets(mask.Masker{}, inSpec("template", was), inSpec("template", is))
	from, err := asYAML(before)
	if err != nil {
		return "", err
	}
	to, err := asYAML(now)
	if err != nil {
		return "", err
	}
	name := d.Workload.workloadName()
	return escapeLines(udiff.Unified(name+", now", name+", "+after, from, to)), nil
}

// Begin gives the workload the bad template, if it is the same object and still has the good one.
func (c *Cluster) Begin(ctx context.Context, d Drill) error {
	good, err := canonical(d.Good)
	if err != nil {
		return err
	}
	operations := []operation{{"test", "/metadata/uid", d.UID}, {"test", "/spec/template", good}}
	if d.Workload.Kind == KindDeployment {
		operations = append(operations, operation{"test", "/spec/paused", nil})
	}
	if err := c.patchDrill(ctx, d, append(operations, operation{"replace", "/spec/template", d.Bad})); err != nil {
		return fmt.Errorf("unable to begin the drill of %s: %w", d.Workload.workloadName(), err)
	}
	return nil
}

// DrillEnd is what a workload runs after a drill.
type DrillEnd string

// The ends of a drill.
const (
	// DrillOver: the good template was live already; somebody else had put it back.
	DrillOver DrillEnd = "over"
	// DrillUndone: the good template was put back by this call.
	DrillUndone DrillEnd = "undone"
	// DrillReplaced: neither template is live; somebody has deployed something else, which is left alone.
	DrillReplaced DrillEnd = "replaced"
	// DrillGone: the workload was deleted, or deleted and made again.
	DrillGone DrillEnd = "gone"
)

// EndAnnotation is what the good template has besides once End has put it back: since when. It is a restart of the same release, to rollbackd
// as to kubectl. A template that is put back without it takes its old ReplicaSet again, and nothing in the cluster tells since when it
// has served: it would not be known to be good.
const EndAnnotation = "rollbackd.io" + restartSuffix

// End puts the good template back if the bad one is live. It is a compare-and-swap, so that nothing which somebody else did is undone.
// After an error nothing is known, and calling it again is safe.
func (c *Cluster) End(ctx context.Context, d Drill, at time.Time) (DrillEnd, error) {
	var last error
	for range 1 + retries {
		live, err := c.get(ctx, d.Workload)
		switch {
		case errors.Is(err, ErrNotFound):
			return DrillGone, nil
		case err != nil:
			return "", err
		case string(live.Metadata.UID) != d.UID:
			return DrillGone, nil
		case sameRelease(live.Spec.Template, d.Good):
			return DrillOver, nil
		case drillIn(live.Spec.Template) != d.ID:
			return DrillReplaced, nil
		}
		operations, err := d.undo(live, at)
		if err != nil {
			return "", err
		}
		if last = c.patchDrill(ctx, d, operations); last == nil {
			return DrillUndone, nil
		}
	}
	return "", fmt.Errorf("unable to end the drill of %s: %w", d.Workload.workloadName(), last)
}

// undo puts the good template back, and has a rollout go on that rollbackd stopped on suspicion.
func (d Drill) undo(live deployment, at time.Time) ([]operation, error) {
	from, err := canonical(live.Spec.Template)
	if err != nil {
		return nil, err
	}
	good, ok := decode(d.Good)
	if !ok {
		return nil, errors.New("the good template is no JSON object")
	}
	annotate(good, EndAnnotation, at.UTC().Format(time.RFC3339))
	operations := []operation{{"test", "/metadata/uid", d.UID}, {"test", "/spec/template", from}, {"replace", "/spec/template", good}}
	if own := ownPause(live); own != nil {
		operations = append(operations, own.resume()...)
	}
	return operations, nil
}

func (c *Cluster) patchDrill(ctx context.Context, d Drill, operations []operation) error {
	body, err := json.Marshal(operations)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	_, err = c.client.Resource(d.Workload.Kind.resource()).Namespace(d.Workload.Namespace).
		Patch(ctx, d.Workload.Name, types.JSONPatchType, body, metav1.PatchOptions{FieldManager: DrillFieldManager})
	return err
}

// FindDrill finds a drill whose version is live, so that it can be ended by somebody who did not begin it. What was live before is the
// newest revision that is of no drill. The error is ErrNoDrill if none is live.
func (c *Cluster) FindDrill(ctx context.Context, w Workload) (Drill, error) {
	s, err := c.Read(ctx, w, nil)
	if err != nil {
		return Drill{}, err
	}
	id := drillIn(s.Template)
	if id == "" {
		return Drill{}, fmt.Errorf("%s: %w", w.workloadName(), ErrNoDrill)
	}
	for _, r := range s.Revisions {
		if drillIn(r.Template) == "" {
			return Drill{ID: id, Workload: w, UID: s.UID, Good: r.Template, Bad: s.Template, VersionLabels: s.VersionLabels}, nil
		}
	}
	return Drill{}, fmt.Errorf("%s runs the version of a drill, and none of its revisions is of another", w.workloadName())
}

// ErrNoDrill says that the workload does not run the version of a drill.
var ErrNoDrill = errors.New("it does not run the version of a drill")
