package watch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds the objects of the races' cluster, and the people and controllers who change them.

const (
	revisionKey = "deployment.kubernetes.io/revision"
	colourKey   = "colour"
)

// raceTemplate is the pod template of a version. A note makes another template with the same containers.
func raceTemplate(version, colour, note string) json.RawMessage {
	labels := map[string]string{"app": "checkout"}
	if colour != "" {
		labels[colourKey] = colour
	}
	out, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"labels": labels, "annotations": map[string]string{"kubectl.kubernetes.io/restartedAt": note}},
		"spec":     map[string]any{"containers": []any{map[string]string{"image": "shop/checkout:" + version, "name": "app"}}},
	})
	if err != nil {
		panic(err)
	}
	return out
}

// workloadObject is a Deployment with its ReplicaSets.
type workloadObject struct {
	meta     metav1.ObjectMeta
	template json.RawMessage
	colour   string
	replicas int32
	paused   bool
	// observed is the generation that the controller has acted on.
	observed int64
	sets     []*setObject
}

// setObject is a ReplicaSet; if it is the live one it has all the pods.
type setObject struct {
	meta     metav1.ObjectMeta
	template json.RawMessage
	since    time.Time
}

func newWorkloadObject(name, version, colour string, age time.Duration) *workloadObject {
	d := &workloadObject{
		meta: metav1.ObjectMeta{Name: name, Namespace: "shop", UID: types.UID("uid-" + name), Generation: 1,
			ResourceVersion: "1", Annotations: map[string]string{"a": "b"}},
		template: raceTemplate(version, colour, ""), colour: colour, replicas: 2,
	}
	d.reconcile(time.Now().Add(-age))
	return d
}

// changed notes a change; one of the specification is a new generation too.
func (d *workloadObject) changed(spec bool) {
	bump(&d.meta)
	if spec {
		d.meta.Generation++
	}
}

func bump(m *metav1.ObjectMeta) {
	n, err := strconv.Atoi(m.ResourceVersion)
	if err != nil {
		panic(err)
	}
	m.ResourceVersion = strconv.Itoa(n + 1)
}

// live is the ReplicaSet that has the pods: that of the newest template that the controller has seen.
func (d *workloadObject) live() *setObject {
	newest := d.sets[0]
	for _, s := range d.sets {
		if s.number() > newest.number() {
			newest = s
		}
	}
	return newest
}

func (s *setObject) number() int {
	n, err := strconv.Atoi(s.meta.Annotations[revisionKey])
	if err != nil {
		panic(err)
	}
	return n
}

// reconcile does what the Deployment controller does: it makes or revives the ReplicaSet of the template, numbers it, and
// copies the Deployment's annotations to it.
func (d *workloadObject) reconcile(now time.Time) {
	if d.observed == d.meta.Generation {
		return
	}
	d.observed = d.meta.Generation
	number := 1
	for _, s := range d.sets {
		number = max(number, s.number()+1)
	}
	i := slices.IndexFunc(d.sets, func(s *setObject) bool { return rollback.TemplatesEqual(s.template, d.template) })
	if i < 0 {
		name := fmt.Sprintf("%s-%d", d.meta.Name, number)
		controls := true
		d.sets = append(d.sets, &setObject{template: d.template, since: now, meta: metav1.ObjectMeta{
			Name: name, Namespace: "shop", UID: types.UID("uid-" + name + "-of-" + string(d.meta.UID)), CreationTimestamp: metav1.NewTime(now),
			Labels:          map[string]string{"app": "checkout", "pod-template-hash": strconv.Itoa(number)},
			OwnerReferences: []metav1.OwnerReference{{UID: d.meta.UID, Controller: &controls}},
			Annotations:     map[string]string{},
		}})
		i = len(d.sets) - 1
	} else if d.sets[i] == d.live() {
		number = d.sets[i].number()
	} else {
		d.sets[i].since = now
		d.sets[i].meta.Annotations["deployment.kubernetes.io/revision-history"] = d.sets[i].meta.Annotations[revisionKey]
	}
	maps.Copy(d.sets[i].meta.Annotations, d.meta.Annotations)
	d.sets[i].meta.Annotations[revisionKey] = strconv.Itoa(number)
	if d.meta.Annotations == nil {
		d.meta.Annotations = map[string]string{}
	}
	d.meta.Annotations[revisionKey] = strconv.Itoa(number)
	d.changed(false)
}

// deploy gives it another template, as kubectl apply does.
func (d *workloadObject) deploy(template json.RawMessage) {
	if string(template) == string(d.template) {
		return
	}
	d.template = template
	d.changed(true)
}

// undo puts the ReplicaSet before the live one back, annotations included, as kubectl rollout undo does.
func (d *workloadObject) undo() {
	live, before := d.live(), (*setObject)(nil)
	for _, s := range d.sets {
		if s.number() < live.number() && (before == nil || s.number() > before.number()) {
			before = s
		}
	}
	if before == nil {
		return
	}
	revision := d.meta.Annotations[revisionKey]
	d.meta.Annotations = maps.Clone(before.meta.Annotations)
	d.meta.Annotations[revisionKey] = revision
	d.deploy(before.template)
}

func (d *workloadObject) encode() []byte {
	spec := map[string]any{"replicas": d.replicas, "template": d.template, "selector": map[string]any{"matchLabels": d.labels()}}
	if d.paused { // the API server leaves it out otherwise
		spec["paused"] = true
	}
	return encodeObject("apps/v1", "Deployment", d.meta, spec, map[string]any{
		"observedGeneration": d.observed, "replicas": d.replicas, "updatedReplicas": d.replicas, "readyReplicas": d.replicas, "availableReplicas": d.replicas,
	})
}

func (d *workloadObject) labels() map[string]string {
	if d.colour == "" {
		return map[string]string{"app": "checkout"}
	}
	return map[string]string{"app": "checkout", colourKey: d.colour}
}

func (s *setObject) encode(d *workloadObject) []byte {
	replicas := int32(0)
	if s == d.live() {
		replicas = d.replicas
	}
	return encodeObject("apps/v1", "ReplicaSet", s.meta, map[string]any{"replicas": replicas, "template": s.template},
		map[string]any{"replicas": replicas, "readyReplicas": replicas})
}

// pods are those of the live ReplicaSet.
func (d *workloadObject) pods() [][]byte {
	s, controls := d.live(), true
	var out [][]byte
	for i := range d.replicas {
		out = append(out, encodeObject("v1", "Pod", metav1.ObjectMeta{
			Name: fmt.Sprintf("%s-%d", s.meta.Name, i), Namespace: "shop", Labels: d.labels(), CreationTimestamp: metav1.NewTime(s.since),
			OwnerReferences: []metav1.OwnerReference{{UID: s.meta.UID, Controller: &controls}},
		}, map[string]any{}, map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "True"}}}))
	}
	return out
}

func encodeObject(version, kind string, meta metav1.ObjectMeta, spec, status map[string]any) []byte {
	out, err := json.Marshal(map[string]any{"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec, "status": status})
	if err != nil {
		panic(err)
	}
	return out
}

// serviceObject is the Service in front of two colours.
type serviceObject struct {
	meta     metav1.ObjectMeta
	selector map[string]string
	port     int
}

func newServiceObject(colour string) *serviceObject {
	return &serviceObject{
		meta:     metav1.ObjectMeta{Name: "checkout", Namespace: "shop", UID: "uid-service", ResourceVersion: "1"},
		selector: map[string]string{"app": "checkout", colourKey: colour}, port: 80,
	}
}

func (s *serviceObject) encode() []byte {
	return encodeObject("v1", "Service", s.meta, map[string]any{"selector": s.selector, "ports": []any{map[string]int{"port": s.port}}}, nil)
}

func (s *serviceObject) point(colour string) {
	s.selector[colourKey] = colour
	bump(&s.meta)
}
