package config

import (
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/analyzer"
)

// Guards tell what is not a release's doing from what is.
type Guards struct {
	// Peers looks at other workloads before a release is held to be bad, wherever the old version does not serve beside it:
	// what strikes them too is not the release's doing. Default true.
	Peers bool `yaml:"peers"`
	// Dependencies is a metric that tells who calls whom. A release is not to blame for failures of what it calls.
	Dependencies *Dependencies `yaml:"dependencies"`
}

// Dependencies is a metric with the caller and the callee of each request, such as a mesh's.
type Dependencies struct {
	// Preset names an instrumentation, such as istio, whose series and labels are taken where none are named here.
	Preset string `yaml:"preset"`
	// Requests is a PromQL selector of a counter of all requests, without functions. Without it there must be a
	// preset.
	Requests string `yaml:"requests"`
	// Errors is a PromQL selector of a counter of those that failed, without functions, and as requests.
	Errors string     `yaml:"errors"`
	Labels EdgeLabels `yaml:"labels"`
	// ScrapeInterval overrides prometheus.scrapeInterval.
	ScrapeInterval model.Duration `yaml:"scrapeInterval"`

	// unusable is as of Signal.
	unusable bool
}

// EdgeLabels names the labels of a call graph's metric.
type EdgeLabels struct {
	// Namespace carries the namespace of the two; empty says that the series have no such label.
	Namespace string `yaml:"namespace"`
	// Caller carries the name of the workload that asks. It is needed without a preset.
	Caller string `yaml:"caller"`
	// Callee carries the name of the workload that answers. It is needed without a preset.
	Callee string `yaml:"callee"`
}

func (g Guards) dependencies(scrape model.Duration) *analyzer.Dependencies {
	d := g.Dependencies
	if d == nil {
		return nil
	}
	fill(&d.ScrapeInterval, scrape)
	return &analyzer.Dependencies{
		Requests: d.Requests, Errors: d.Errors, Scrape: time.Duration(d.ScrapeInterval),
		Namespace: d.Labels.Namespace, Caller: d.Labels.Caller, Callee: d.Labels.Callee,
	}
}

func (g Guards) check(k *checker, field func(...any) []any, scrape model.Duration) {
	d := g.Dependencies
	if d == nil || d.unusable {
		return
	}
	at := func(path ...any) []any { return field(append([]any{"guards", "dependencies"}, path...)...) }
	c := signalCheck{checker: k, at: at()}
	c.selector("requests", d.Requests, "istio_requests_total")
	c.selector("errors", d.Errors, `istio_requests_total{response_code=~"5.."}`)
	for _, l := range [][2]string{{"caller", d.Labels.Caller}, {"callee", d.Labels.Callee}} {
		if l[1] == "" {
			k.say(at("labels", l[0]), "is missing; name the label that carries the %s, such as source_workload or destination_workload", l[0])
		}
	}
	for _, l := range [][2]string{{"namespace", d.Labels.Namespace}, {"caller", d.Labels.Caller}, {"callee", d.Labels.Callee}} {
		if l[1] != "" && !model.UTF8Validation.IsValidLabelName(l[1]) {
			k.say(at("labels", l[0]), "%q is not a label's name; use the one that carries the %s in the series", l[1], l[0])
		}
	}
	if k.given(at("scrapeInterval")) {
		k.positive(at("scrapeInterval"), d.ScrapeInterval)
	}
}
