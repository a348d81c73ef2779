package scenario

import (
	"math"
	"math/rand/v2"
	"time"
)

// Fault is what goes wrong around a deployment.
type Fault string

// The faults. Those of the release, after which it is bad, come first; of the others no release is to blame.
const (
	// ErrorJump means that the new version fails a part of its requests, from 1 % to nearly all, from the start.
	ErrorJump Fault = "error-jump"
	// LatencyJump means that a part of the new version's requests, from 8 % to nearly all, take over 0.6 s, from the start.
	LatencyJump Fault = "latency-jump"
	// LateOnset is an ErrorJump that begins between 10 and 40 minutes after the start.
	LateOnset Fault = "late-onset"
	// Leak means that errors and latency of the new version grow for as long as it is recorded.
	Leak Fault = "leak"
	// BusinessDrop means that the new version takes far fewer orders while its requests succeed as before.
	BusinessDrop Fault = "business-drop"
	// SilentPods means that the new pods never become ready: they report nothing, and the old ones go on.
	SilentPods Fault = "silent-pods"

	// None means that nothing goes wrong.
	None Fault = "none"
	// SickPod means that one of the new pods fails requests, and the version is not to blame.
	SickPod Fault = "sick-pod"
	// SharedOutage means that requests to all workloads of the namespace fail for some minutes, peers included.
	SharedOutage Fault = "shared-outage"
	// FailingCallee means that a peer, which the workload calls for every request, fails.
	FailingCallee Fault = "failing-callee"
	// BeforeDeploy means that requests to the workload, whatever its version, began to fail before the deployment.
	BeforeDeploy Fault = "before-deploy"
	// TrafficDip means that the workload gets far fewer requests, and that nothing is wrong with those.
	TrafficDip Fault = "traffic-dip"
	// Blip means that most requests to the new version fail for ten seconds.
	Blip Fault = "blip"
	// TelemetryOutage means that no scrape of the workload succeeds from before the start on: there is nothing to judge.
	TelemetryOutage Fault = "telemetry-outage"
)

// share is how many of a thousand deployments have a fault.
type share struct {
	fault Fault
	of    int
}

func mixture() []share {
	return []share{
		{None, 700}, {ErrorJump, 70}, {LatencyJump, 40}, {Blip, 25}, {LateOnset, 20}, {SickPod, 20}, {BeforeDeploy, 20},
		{TrafficDip, 20}, {Leak, 15}, {BusinessDrop, 15}, {SilentPods, 15}, {FailingCallee, 15}, {TelemetryOutage, 15}, {SharedOutage, 10},
	}
}

// Faults lists the faults, None included, the most frequent first.
func Faults() []Fault {
	var out []Fault
	for _, s := range mixture() {
		out = append(out, s.fault)
	}
	return out
}

// Bad reports whether the release is to blame.
func (f Fault) Bad() bool {
	switch f {
	case ErrorJump, LatencyJump, LateOnset, Leak, BusinessDrop, SilentPods:
		return true
	}
	return false
}

// assign returns the fault of each deployment: those asked for in turn, or a shuffled mixture whose proportions are kept
// as well as whole numbers allow.
func (o Options) assign(rng *rand.Rand) []Fault {
	out := make([]Fault, 0, o.Deployments)
	if len(o.Faults) > 0 {
		for i := range o.Deployments {
			out = append(out, o.Faults[i%len(o.Faults)])
		}
		return out
	}
	total := 0.0
	for _, s := range mixture()[1:] {
		total += float64(s.of) / 1000 * float64(o.Deployments)
		for float64(len(out)) < math.Round(total) {
			out = append(out, s.fault)
		}
	}
	for len(out) < o.Deployments {
		out = append(out, None)
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// trouble is one fault as it happens: when, and how bad.
type trouble struct {
	fault Fault
	// begin and end are in seconds since the epoch.
	begin, end float64
	// size is the failed or slow share of requests; of BusinessDrop and TrafficDip, what is left of orders and requests.
	size float64
}

// happen decides when a fault around a deployment at t0 begins, when it ends and how bad it is.
func happen(f Fault, t0 time.Time, o Options, rng *rand.Rand) trouble {
	start, last := seconds(t0), seconds(t0.Add(o.After))
	minutes := func(from, to float64) float64 { return math.Round(60 * uniform(rng, from, to)) }
	tr := trouble{fault: f, begin: start, end: last}
	switch f {
	case ErrorJump:
		tr.size = logUniform(rng, 0.01, 0.95)
	case LatencyJump:
		tr.size = uniform(rng, 0.08, 0.95)
	case LateOnset:
		tr.begin, tr.size = start+minutes(10, 40), logUniform(rng, 0.02, 0.6)
	case Leak:
		tr.begin, tr.size = start+minutes(2, 10), uniform(rng, 0.3, 0.9)
	case BusinessDrop:
		tr.size = uniform(rng, 0.1, 0.6)
	case SickPod:
		tr.begin, tr.size = start+minutes(1, 15), uniform(rng, 0.3, 0.95)
	case SharedOutage:
		tr.begin, tr.size = start+minutes(2, 20), uniform(rng, 0.2, 0.8)
		tr.end = tr.begin + minutes(5, 15)
	case FailingCallee:
		tr.begin, tr.size = start+minutes(2, 20), uniform(rng, 0.2, 0.9)
		tr.end = tr.begin + minutes(8, 25)
	case BeforeDeploy:
		tr.begin, tr.size = start-minutes(4, 18), logUniform(rng, 0.02, 0.3)
		tr.end = min(last, start+minutes(20, 60))
	case TrafficDip:
		tr.begin, tr.size = start+minutes(1, 10), uniform(rng, 0.1, 0.4)
		tr.end = min(last, tr.begin+minutes(15, 40))
	case Blip:
		tr.begin, tr.size = start+minutes(2, 25), uniform(rng, 0.5, 1)
		tr.end = tr.begin + 10
	case TelemetryOutage:
		tr.begin = start - 120
	}
	return tr
}

// active is the part of the interval (a, b], in seconds, during which it happens.
func (tr trouble) active(a, b float64) float64 {
	if b <= a {
		return 0
	}
	return max(0, min(b, tr.end)-max(a, tr.begin)) / (b - a)
}

// grown is how far a growing trouble has come in the middle of an interval, from 0 to 1.
func (tr trouble) grown(a, b float64) float64 {
	return min(1, max(0, (a+b)/2-tr.begin)/max(1, tr.end-tr.begin))
}
