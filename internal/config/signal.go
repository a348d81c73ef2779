package config

import (
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/analyzer"
)

// Signal is one thing that releases are judged by.
type Signal struct {
	// Name tells the signals of a policy apart. Required.
	Name string `yaml:"name"`
	// Kind is error-rate (the default), latency, business, rollout or smoke. A signal of kind rollout says that a release is bad
	// whose pods crash, cannot pull their image or do not become ready, or which reports nothing for longer than "for" while the
	// old version goes on serving; it needs nothing but a name. One of kind smoke says that a release is bad whose
	// HTTP checks, or whose Jobs, fail in several rounds in a row.
	Kind analyzer.Kind `yaml:"kind"`
	// Preset names an instrumentation, such as istio, whose series and labels are taken where the signal does not name its own.
	Preset string `yaml:"preset"`
	// Requests is a PromQL selector of a counter of all requests, without functions; of error-rate.
	Requests string `yaml:"requests"`
	// Errors is a PromQL selector of a counter of those requests that failed, without functions; of error-rate.
	Errors string `yaml:"errors"`
	// Histogram is a PromQL selector of a classic histogram's _bucket series, without functions; of latency, as are the
	// four that follow.
	Histogram string `yaml:"histogram"`
	// Quantile is the fraction of requests that must be fast enough. Default 0.95, the P95.
	Quantile float64 `yaml:"quantile"`
	// SLO is what the quantile should stay below. Without it a signal of kind latency is refused.
	SLO model.Duration `yaml:"slo"`
	// Tolerance is how far above the SLO is still no breach, as a fraction of it. Default 0.20.
	Tolerance float64 `yaml:"tolerance"`
	// Unit is the unit of the histogram's bounds: 1s or 1ms. Default 1s.
	Unit model.Duration `yaml:"unit"`
	// Events is a PromQL selector of a counter, such as orders_total, without functions; of business, as are the two that
	// follow. Events are counted per request where requests are given too, else by time.
	Events string `yaml:"events"`
	// Query is a PromQL expression of one number; it takes the place of events. Matchers are added to each of its selectors by
	// the labels that are named here, of which there are none by default.
	Query string `yaml:"query"`
	// Direction says which way the metric gets worse: falling (the default), rising or either.
	Direction analyzer.Direction `yaml:"direction"`
	Labels    Labels             `yaml:"labels"`
	// ScrapeInterval overrides prometheus.scrapeInterval.
	ScrapeInterval model.Duration `yaml:"scrapeInterval"`
	MaxIncrease    MaxIncrease    `yaml:"maxIncrease"`
	// Window is the trailing span over which the rate is computed at each tick. Default 1m.
	Window model.Duration `yaml:"window"`
	// For is how long the limit must be exceeded. Default 5m.
	For model.Duration `yaml:"for"`
	// MinRequests is how many requests that span must hold, and of error-rate the baseline too. Default 100.
	MinRequests uint64 `yaml:"minRequests"`
	// Failing is how long most of the release's pods may crash or fail to pull their image, never less than three ticks; of
	// rollout, as is the next one. Default 1m.
	Failing model.Duration `yaml:"failing"`
	// NotReady is how long most of the release's pods may be not ready, unless the Deployment's own progress deadline is over
	// sooner. Default 10m.
	NotReady model.Duration `yaml:"notReady"`
	// HTTP are the checks of a smoke test, which are made side by side; of smoke, as are the four that follow.
	HTTP []HTTPCheck `yaml:"http"`
	// Job takes the place of http: the spec of a Kubernetes Job, of which one is run in the workload's namespace in each round. In the
	// values of env, in args, and in labels and annotations of its pods {namespace}, {workload} and {version} stand for those
	// of the deployment.
	Job JobSpec `yaml:"job"`
	// Every is the time between two rounds. The first one is run when the rollout is complete, and one before it. Default 1m, and
	// 5m with a Job.
	Every model.Duration `yaml:"every"`
	// Attempts is how often an HTTP check is tried, a second apart, before it has failed in a round. Default 2.
	Attempts uint64 `yaml:"attempts"`
	// Failures is in how many rounds in a row a check must fail for the release to be bad. Default 3.
	Failures uint64 `yaml:"failures"`
	// Strict judges by the limit and the time alone, as the runbook is written: without the absolute floor, the least number
	// of requests, and the evidence that bounds false rollbacks. Default false.
	Strict bool `yaml:"strict"`

	// unusable says that the preset cannot be had, which was said, so that nothing is said about what it would have given.
	unusable bool
}

// Labels names the labels that say whose a series is. An empty name says that the series have no such label.
type Labels struct {
	// Namespace carries the workload's namespace. Default "namespace".
	Namespace string `yaml:"namespace"`
	// Workload carries the workload's name. Default none: the workload is known by the names of its pods then.
	Workload string `yaml:"workload"`
	// WorkloadValue is the form of that label's values where they are not the bare name, such as
	// "{namespace}-{workload}-*@kubernetes": the two names stand for themselves, and * for letters and digits. Default "".
	WorkloadValue string `yaml:"workloadValue"`
	// Pod carries the pod's name, by which the release is told from the old version. Default "pod".
	Pod string `yaml:"pod"`
	// Version carries the version, as the event names it, of series without a pod. Without either label a release can be
	// compared only with the time before it.
	Version string `yaml:"version"`
}

// MaxIncrease is how far above the baseline is still fine; the larger of the two counts.
type MaxIncrease struct {
	// Relative is a fraction of the baseline. Default 0.10.
	Relative float64 `yaml:"relative"`
	// Absolute is a fraction of all requests. Default 0.001, that is 0.1 percentage points.
	Absolute float64 `yaml:"absolute"`
}

// UnmarshalYAML implements the decoder's interface; fields that are left out get their defaults.
func (s *Signal) UnmarshalYAML(unmarshal func(any) error) error {
	*s = Signal{
		Kind:        analyzer.KindErrorRate,
		Labels:      Labels{Namespace: "namespace", Pod: "pod"},
		MaxIncrease: MaxIncrease{Relative: 0.10, Absolute: 0.001},
		Quantile:    0.95,
		Tolerance:   0.20,
		Unit:        model.Duration(time.Second),
		Window:      minutes(1),
		For:         minutes(5),
		Failing:     minutes(1),
		NotReady:    minutes(10),
		Every:       minutes(1),
		Attempts:    2,
		Failures:    3,
		MinRequests: 100,
	}
	type plain Signal
	return unmarshal((*plain)(s))
}
