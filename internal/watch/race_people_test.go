package watch

import (
	"fmt"
	"maps"
	"time"

	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what people and controllers do while the races are run.

// somebody does something to the cluster, or a controller acts.
func (r *race) somebody() {
	d := r.cluster.workloads[raceWorkload]
	acts := []func(){
		func() { r.note("the controllers act"); r.reconcile() },
		func() { r.note("the controllers act"); r.reconcile() },
		func() {
			r.note("restart")
			r.notes++
			d.deploy(raceTemplate(r.version(d), d.colour, fmt.Sprint(r.notes)))
		},
		func() { r.note("an annotation"); d.meta.Annotations["x"] = fmt.Sprint(r.IntN(9)); d.changed(false) },
		func() { r.note("scaled"); d.replicas = int32(1 + r.IntN(4)); d.changed(true) },
		func() { r.note("paused or resumed"); d.paused = !d.paused; d.changed(true) },
		func() { r.note("the release recovers or fails anew"); r.bad = !r.bad },
		func() { r.announce("v2", "d1") }, // the stream delivers it once more
		func() { r.announce("v2", fmt.Sprint("again-", r.IntN(2))) },
		func() { r.deploy(d, "v2") },
		func() { r.deploy(d, "v3") },
		func() { r.deploy(d, "v3"); r.announce("v3", "fix") },
		func() { r.note("rollout undo"); d.undo() },
		func() { r.note("undone and deployed again"); d.undo(); r.reconcile(); r.deploy(d, "v2") },
	}
	if r.cluster.service != nil {
		acts = append(acts, r.serviceActs()...)
	}
	acts[r.IntN(len(acts))]()
}

func (r *race) serviceActs() []func() {
	s, blue := r.cluster.service, r.cluster.workloads[raceOld]
	return []func(){
		func() { r.note("switched to blue"); s.point("blue") },
		func() { r.note("switched to green"); s.point("green") },
		func() { r.note("switched to green"); s.point("green") },
		func() { r.note("the Service's port changes"); s.port++; bump(&s.meta) },
		func() {
			r.note("the Service is annotated")
			s.meta.Annotations = maps.Clone(s.meta.Annotations)
			if s.meta.Annotations == nil {
				s.meta.Annotations = map[string]string{}
			}
			s.meta.Annotations["x"] = fmt.Sprint(r.IntN(9))
			bump(&s.meta)
		},
		func() { r.note("blue is scaled"); blue.replicas = int32(r.IntN(3)); blue.changed(true) },
		func() { r.deploy(blue, "v0") },
	}
}

func (r *race) deploy(d *workloadObject, version string) {
	r.note("deploy " + version + " to " + d.meta.Name)
	d.deploy(raceTemplate(version, d.colour, ""))
	if version == "v3" {
		r.bad = r.IntN(3) == 0
	}
}

func (r *race) version(d *workloadObject) string {
	for _, v := range []string{"v0", "v1", "v2", "v3"} {
		if rollback.ContainersEqual(d.template, raceTemplate(v, "", "")) {
			return v
		}
	}
	panic("a version that nobody deployed")
}

func (r *race) reconcile() {
	for _, d := range r.cluster.workloads {
		d.reconcile(time.Now())
	}
}

// announce publishes an event; it is delivered to some process, and again until one has taken it.
func (r *race) announce(version, id string) {
	r.note("announced " + version + " as " + id)
	strategy := ""
	if r.cluster.service != nil {
		strategy = `,"strategy":"blue-green","service":"checkout","selectorKey":"` + colourKey + `","from":"blue","to":"green"`
	}
	m := published(r.t0, `"id":"d1"`, `"id":"`+id+`"`, `"version":"v2"`, `"version":"`+version+`"`, `"}`, `"`+strategy+`}`)
	r.pending = append(r.pending, m)
}
