package report

import (
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// The states of a watch, as the ledger spells them.
const (
	stateRolledBack   = "RolledBack"
	stateUnverified   = "RolledBackUnverified"
	stateNotRecovered = "NotRecovered"
	stateHealthy      = "Healthy"
)

// orderPrefix begins the ID of the event that is made up for a rollback which a person ordered of a workload that was not being watched.
const orderPrefix = "rollback-"

// change is one deployment as the figures count it.
type change struct {
	incident.Digest
	// seen says that the cluster showed the version. One that never came, or is not watched, is no deployment.
	seen bool
	// failed says that it was bad, byHand that only a person said so.
	failed, byHand bool
}

// release tells what is one release of a workload.
type release struct{ environment, namespace, workload, kind, version string }

func releaseOf(d incident.Digest) release {
	return release{d.Environment, d.Namespace, d.Workload, d.Kind, d.Version}
}

// changesOf makes deployments of digests that are in order. Drills are none. What a person ordered to be rolled back is the newest deployment of that
// version, which was bad then, and not another one.
func changesOf(digests []incident.Digest) []change {
	var out []change
	latest := map[release]int{}
	for _, d := range digests {
		if d.Drill {
			continue
		}
		if ordered(d) {
			if i, known := latest[releaseOf(d)]; known {
				out[i] = out[i].taken(d)
				continue
			}
		}
		c := change{Digest: d, seen: !d.Times.Started.IsZero(), failed: d.Incident != ""}
		c.byHand = c.failed && d.Times.Decided.IsZero()
		if c.seen {
			latest[releaseOf(d)] = len(out)
		}
		out = append(out, c)
	}
	return out
}

// ordered reports whether a watch was begun because a person asked for a rollback.
func ordered(d incident.Digest) bool {
	return strings.HasPrefix(d.EventID, orderPrefix) && d.By != "" && d.Times.Decided.IsZero()
}

// taken is the deployment that a person had rolled back later. What its own watch found stays, if it found anything.
func (c change) taken(order incident.Digest) change {
	if c.failed && c.RolledBack {
		return c
	}
	c.byHand = c.byHand || !c.failed
	c.failed = true
	c.State, c.RolledBack, c.Recovered, c.By = order.State, order.RolledBack, order.Recovered, order.By
	c.Times.Initiated, c.Times.Landed, c.Times.Restored = order.Times.Initiated, order.Times.Landed, order.Times.Restored
	if c.Incident == "" {
		c.Incident = order.Incident
	}
	return c
}

// within are the deployments that were announced in a span.
func within(all []change, from, to time.Time) []change {
	var out []change
	for _, c := range all {
		if at := c.At(); !at.Before(from) && at.Before(to) {
			out = append(out, c)
		}
	}
	return out
}

// judged reports whether the deployment was watched to an end that says how it is.
func (c change) judged() bool { return c.failed || c.State == stateHealthy }

// detect is from the first bad measurement to the proof, rollBack from there to the patch, and restore from the first bad measurement until
// the service was seen to be well again.
func (c change) detect() *float64 { return seconds(c.Times.FirstBad, c.Times.Decided) }

func (c change) rollBack() *float64 { return seconds(c.Times.Decided, c.Times.Landed) }

func (c change) restore() *float64 { return seconds(c.Times.FirstBad, c.Times.Restored) }

func (c change) failure() Failure {
	return Failure{
		Incident: c.Incident, Deployed: c.At(), Namespace: c.Namespace, Workload: c.Workload, Version: c.Version, State: c.State, Signal: c.Signal, ByHand: c.byHand, ByPerson: c.By != "",
		Detect: c.detect(), RollBack: c.rollBack(), Restore: c.restore(),
	}
}
