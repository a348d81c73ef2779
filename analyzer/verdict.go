package analyzer

import "time"

// Verdict is the judgement of a release as a whole, or of one signal.
type Verdict string

// The verdicts. Only Regressed can lead to an action.
const (
	// Healthy means that the signal was measured and is within its limit.
	Healthy Verdict = "HEALTHY"
	// Regressed means that the release is proven bad by the policy's rule.
	Regressed Verdict = "REGRESSED"
	// Insufficient means that too little was measured to say either.
	Insufficient Verdict = "INSUFFICIENT"
	// NoData means that telemetry is missing or broken.
	NoData Verdict = "NO_DATA"
	// External means that there is a breach which is not this deployment's doing.
	External Verdict = "EXTERNAL"
	// SickPod means that the breach is one pod's of several, and not the version's.
	SickPod Verdict = "SICK_POD"
)

// Outcome is what one signal showed at one tick.
type Outcome string

// The outcomes of a tick.
const (
	OutcomeOK     Outcome = "ok"
	OutcomeBreach Outcome = "breach"
	OutcomeNoData Outcome = "no-data"
	OutcomeError  Outcome = "error"
)

// Assessment explains the judgement of one signal at one tick: the number, what it was compared with, and for how
// long it has been so. Ratios are fractions of 1; durations are seconds.
type Assessment struct {
	Signal  string    `json:"signal"`
	Kind    Kind      `json:"kind"`
	At      time.Time `json:"at"`
	Verdict Verdict   `json:"verdict"`
	Outcome Outcome   `json:"outcome"`
	// Reason is one sentence for a person.
	Reason string `json:"reason"`
	// Value is the bad fraction over the trailing window that ends at At, Counts what it was computed from.
	Value  float64 `json:"value"`
	Counts Counts  `json:"counts"`
	// Window is the length of that trailing window in seconds.
	Window float64 `json:"windowSeconds"`
	// Baseline is the bad fraction before the deployment, BaselineCounts what it was computed from.
	Baseline       float64 `json:"baseline"`
	BaselineCounts Counts  `json:"baselineCounts"`
	// Limit is the fraction above which a tick is in breach.
	Limit float64 `json:"limit"`
	// Held is how long the breach has been held, Required how long it must be held, both in seconds.
	Held     float64 `json:"heldSeconds"`
	Required float64 `json:"requiredSeconds"`
	// Since is the first tick of the breach now held; zero when there is none. HeldCounts are its counts.
	Since      time.Time `json:"since,omitzero"`
	HeldCounts Counts    `json:"heldCounts"`
	// Quantile is the objective's, and QuantileValue its estimate over the trailing window, in seconds; SLO is the
	// objective and LimitLatency the latency above which a request counts as slow, in seconds too. Of latency only.
	Quantile      float64 `json:"quantile,omitempty"`
	QuantileValue float64 `json:"quantileSeconds,omitempty"`
	SLO           float64 `json:"sloSeconds,omitempty"`
	LimitLatency  float64 `json:"limitSeconds,omitempty"`
	// BoundUnit is how many seconds one unit of the histogram's bounds is. Of latency only.
	BoundUnit float64 `json:"boundUnitSeconds,omitempty"`
	// MinRequests is the least number of requests over the held span for the breach to count.
	MinRequests uint64 `json:"minRequests"`
	// Evidence is this signal's e-value: how much better the counts are explained by a release that is worse than it may
	// be. RequiredEvidence is what acting without asking needs of all signals together.
	Evidence         float64 `json:"evidence,omitempty"`
	RequiredEvidence float64 `json:"requiredEvidence,omitempty"`
	// Null is the bad fraction that a healthy release may show at the most, with everything that is not its doing.
	Null float64 `json:"null,omitempty"`
	// Breach estimates for how long the release has been bad, LeastBreach is how long the estimate must be, both in seconds.
	Breach      float64 `json:"breachSeconds,omitempty"`
	LeastBreach float64 `json:"leastBreachSeconds,omitempty"`
	// Unit is that of Value, Baseline and Limit; of business metrics only, whose values are fractions of nothing.
	Unit string `json:"unit,omitempty"`
	// OffBaseline is by what part of the baseline the release has failed more requests than it since the deployment, less than 0
	// if fewer; zero where that is within the runbook's 5 %, or on too few failures to say. It is shown, and never acted on.
	OffBaseline float64 `json:"offBaseline,omitempty"`
	// Pods says how many of the release's pods are in a bad way, such as "2 of 3 pods crash", or of a smoke test's checks failed.
	Pods string `json:"pods,omitempty"`
	// Brief says of an Insufficient verdict that it is owed to a breach which chance may explain, after enough was measured.
	Brief bool `json:"-"`
	// Idle says of an Insufficient verdict that it is owed to a lull, after enough was measured and found within the limit.
	Idle bool `json:"-"`
	// Guard says why a breach is not laid to the release, empty if it is.
	Guard string `json:"guard,omitempty"`
}
