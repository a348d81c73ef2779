package scenario

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
)

// environment is that of all deployments.
const environment = "production"

// Deployment is one deployment: what its tool announced, and what is true of it.
type Deployment struct {
	Event event.Event
	Truth Truth

	release *release
}

// Label says whether a release is to blame for anything.
type Label string

// The labels.
const (
	Good Label = "good"
	Bad  Label = "bad"
)

// Truth is what a judge should have found out about a deployment.
type Truth struct {
	ID    string `json:"id"`
	Label Label  `json:"label"`
	Fault Fault  `json:"fault"`
	// Onset is when the fault began and Ends when it was over; both are null where there was none.
	Onset *time.Time `json:"onset"`
	Ends  *time.Time `json:"ends"`
	// Size is the failed or slow share of requests while the fault lasted, from 0 to 1; of a leak, that at its end; of a
	// business drop and a traffic dip, the part that was left.
	Size float64 `json:"size,omitempty"`
	// Also lists troubles of other origin while the deployment was recorded, such as an outage that another deployment
	// stands for.
	Also []Fault `json:"also,omitempty"`
	// Start is T0: the creation of the release's first pod, or the blue-green switch.
	Start  time.Time `json:"start"`
	Layout Layout    `json:"layout"`
	// PodPrefix and ControlPrefix are what the names of the new and the old version's pods begin with; of the layout
	// ByPod.
	PodPrefix     string `json:"podPrefix,omitempty"`
	ControlPrefix string `json:"controlPrefix,omitempty"`
}

func (p *Plan) deployments() []Deployment {
	var out []Deployment
	for _, w := range p.workloads {
		for _, r := range w.releases[1:] {
			out = append(out, Deployment{Event: p.eventOf(r), Truth: p.truthOf(r), release: r})
		}
	}
	slices.SortStableFunc(out, func(a, b Deployment) int { return a.Truth.Start.Compare(b.Truth.Start) })
	return out
}

func (r *release) id() string {
	return "deploy-" + r.t0.Format("20060102T150405Z") + "-" + r.workload.name
}

func (p *Plan) eventOf(r *release) event.Event {
	rng := p.random("event %s/%s", r.workload.namespace, r.id())
	lag := time.Duration(rng.Float64() * float64(p.Options.EventLag))
	e := event.Event{
		ID: r.id(), Timestamp: r.t0.Add(lag).Truncate(time.Second), Environment: environment,
		Namespace: r.workload.namespace, Workload: r.deployment, Kind: event.KindDeployment, Strategy: event.StrategyRolling,
		Version: r.version, PreviousVersion: r.previous.version, Commit: commit(rng), Operator: name(rng.IntN(4), "ana", "ben", "cho", "dara"),
		Status: event.StatusSuccess,
	}
	if r.strategy == switched {
		e.Strategy, e.Service, e.SelectorKey = event.StrategyBlueGreen, r.workload.name, "colour"
		e.From, e.To = r.previous.colour, r.colour
	}
	return e
}

// commit draws the id of a commit.
func commit(rng *rand.Rand) string {
	return fmt.Sprintf("%016x%016x%08x", rng.Uint64(), rng.Uint64(), rng.Uint32())
}

func (p *Plan) truthOf(r *release) Truth {
	t := Truth{
		ID: r.id(), Label: Good, Fault: r.trouble.fault, Size: r.trouble.size, Also: p.also(r),
		Start: r.t0, Layout: r.workload.layout,
	}
	if t.Fault.Bad() {
		t.Label = Bad
	}
	if t.Fault != None {
		onset, ends := instant(r.trouble.begin), instant(r.trouble.end)
		t.Onset, t.Ends = &onset, &ends
	}
	if t.Layout == ByPod {
		t.PodPrefix, t.ControlPrefix = r.podPrefix(), r.previous.podPrefix()
	}
	return t
}

// also lists the troubles around a release that are not its own.
func (p *Plan) also(r *release) []Fault {
	from, to := seconds(r.t0.Add(-p.Options.Before)), seconds(r.t0.Add(p.Options.After))
	var out []Fault
	around := slices.Concat(r.workload.troubles, r.workload.callee.troubles)
	if r.previous != nil {
		around = append(around, r.previous.trouble)
	}
	for _, tr := range around {
		mine := tr.fault == r.trouble.fault && tr.begin == r.trouble.begin
		if tr.fault != "" && tr.fault != None && !mine && tr.active(from, to) > 0 && !slices.Contains(out, tr.fault) {
			out = append(out, tr.fault)
		}
	}
	slices.Sort(out)
	return out
}
