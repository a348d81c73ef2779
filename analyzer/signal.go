package analyzer

import (
	"math"
	"time"
)

// Kind is the kind of a signal.
type Kind string

// The kinds.
const (
	// KindErrorRate is the fraction of requests that failed, compared with the baseline.
	KindErrorRate Kind = "error-rate"
	// KindLatency is the fraction of requests that took longer than the objective allows, compared with the fraction
	// that a quantile leaves: the 95th percentile is over the limit exactly when more than 5 % of requests are.
	KindLatency Kind = "latency"
	// KindBusiness is what a service is for, such as orders: events of a counter per request or by time, or any number.
	KindBusiness Kind = "business"
	// KindRollout is whether the release gets to serve at all, by what the cluster says of its pods and by whether they report.
	KindRollout Kind = "rollout"
	// KindSmoke is a smoke test: rounds of checks that ask the service what a user would.
	KindSmoke Kind = "smoke"
)

// Signal is one thing that a policy judges a release by.
type Signal struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Requests and Errors are PromQL vector selectors of counters: all requests, and those that failed.
	// Both are those of KindErrorRate.
	Requests string `json:"requests,omitempty"`
	Errors   string `json:"errors,omitempty"`
	// Histogram is a PromQL vector selector of the _bucket series of a classic histogram; of KindLatency.
	Histogram string    `json:"histogram,omitempty"`
	Objective Objective `json:"objective,omitzero"`
	// Events is a PromQL vector selector of a counter, Query a PromQL expression of one number; of KindBusiness, which has one
	// of them. Events are counted per request where Requests are given, else by time.
	Events string `json:"events,omitempty"`
	Query  string `json:"query,omitempty"`
	// Direction says which way a business metric gets worse.
	Direction Direction `json:"direction,omitempty"`
	// Labels says which labels of these series name the namespace and the pod.
	Labels Labels `json:"labels"`
	// Scrape is how often Prometheus scrapes these series.
	Scrape time.Duration `json:"scrape"`
	Rule   Sustained     `json:"rule"`
	// Health is what the cluster must show of a release's pods; of KindRollout.
	Health Health `json:"health,omitzero"`
	Smoke  Smoke  `json:"smoke,omitzero"`
	// Strict judges by the sustained rule alone, as the runbook is written. Nothing then bounds how often a healthy release
	// is taken for a bad one.
	Strict bool `json:"strict,omitempty"`
}

// FromMetrics reports whether the signal is measured by series of its own. A rollout is judged by what the cluster says and the
// other signals see, and a smoke test by its checks.
func (sig Signal) FromMetrics() bool { return sig.Kind != KindRollout && sig.Kind != KindSmoke }

// Labels maps what the judge needs to know to the labels that carry it. A name that is empty says that the series have no
// such label. Series without a workload's label are known by the names of their pods, which are then those that Kubernetes
// gives the pods of a Deployment.
type Labels struct {
	Namespace string `json:"namespace,omitempty"`
	Workload  string `json:"workload,omitempty"`
	// WorkloadValue is the form of the workload label's values where these are not the bare name: {namespace} and {workload}
	// stand for what they say, and * for letters and digits, of which there is at least one.
	WorkloadValue string `json:"workloadValue,omitempty"`
	Pod           string `json:"pod,omitempty"`
	// Version tells the old version's series from the release's where there is no pod to do so.
	Version string `json:"version,omitempty"`
}

// Objective is a service level objective for a quantile of latency.
type Objective struct {
	// Quantile is between 0 and 1: 0.95 for the P95.
	Quantile float64 `json:"quantile"`
	// SLO is what the quantile should stay below; Tolerance is how far above it is still no breach, as a fraction of it.
	SLO       time.Duration `json:"slo"`
	Tolerance float64       `json:"tolerance"`
	// Unit is the unit of the histogram's bounds: a second or a millisecond.
	Unit time.Duration `json:"unit"`
}

// Limit is the latency above which a request counts as slow.
func (o Objective) Limit() time.Duration {
	return time.Duration(math.Round(float64(o.SLO) * (1 + o.Tolerance)))
}

// bound is the limit in the unit of the histogram.
func (o Objective) bound() float64 { return float64(o.Limit()) / float64(o.Unit) }

// Sustained is the runbook's rule: over the baseline by more than a limit, for longer than a time.
type Sustained struct {
	// Relative is the allowed increase as a fraction of the baseline (0.10 is 10 %).
	Relative float64 `json:"relative"`
	// Absolute is the least increase, in fractions of 1, that counts at all (0.001 is 0.1 percentage points): a
	// relative limit on a baseline near zero fires on noise.
	Absolute float64 `json:"absolute"`
	// Window is the trailing span over which the fraction is computed at each tick.
	Window time.Duration `json:"window"`
	// For is how long the breach must be held; it acts when it was held for longer.
	For time.Duration `json:"for"`
	// MinRequests is the least number of requests over the held span; with fewer the verdict is Insufficient.
	MinRequests uint64 `json:"minRequests"`
}
