package analyzer

import "time"

// Kind is the kind of a signal.
type Kind string

// KindErrorRate is the fraction of requests that failed.
const KindErrorRate Kind = "error-rate"

// Signal is one thing that a policy judges a release by.
type Signal struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Requests and Errors are PromQL vector selectors of counters: all requests, and those that failed.
	Requests string `json:"requests"`
	Errors   string `json:"errors"`
	// Labels says which labels of these series name the namespace and the pod.
	Labels Labels `json:"labels"`
	// Scrape is how often Prometheus scrapes these series.
	Scrape time.Duration `json:"scrape"`
	Rule   Sustained     `json:"rule"`
}

// Labels maps what the judge needs to know to the labels that carry it.
type Labels struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
}

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
