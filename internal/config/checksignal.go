package config

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/analyzer"
)

// signalCheck checks one signal of a policy.
type signalCheck struct {
	*checker
	Signal
	at []any
}

func (c signalCheck) field(path ...any) []any { return append(slices.Clone(c.at), path...) }

func (s Signal) check(k *checker, at []any, p Policy, scrape model.Duration) {
	c := signalCheck{checker: k, Signal: s, at: at}
	if s.unusable {
		return
	}
	switch s.Kind {
	case analyzer.KindErrorRate:
		c.errorRate()
	case analyzer.KindLatency:
		c.latency()
	case analyzer.KindBusiness:
		c.business()
	case analyzer.KindRollout:
		c.foreign("requests", "errors", "histogram", "slo", "quantile", "tolerance", "unit", "events", "query", "direction", "labels", "maxIncrease")
		c.positive(c.field("failing"), c.Failing)
		c.positive(c.field("notReady"), c.NotReady)
	case analyzer.KindSmoke:
		c.smokeTest(p)
		return
	default:
		c.say(c.field("kind"), "%q is not a kind of signal; use %s, %s, %s, %s or %s", s.Kind,
			analyzer.KindErrorRate, analyzer.KindLatency, analyzer.KindBusiness, analyzer.KindRollout, analyzer.KindSmoke)
	}
	c.foreign(smokeFields()...)
	if s.Kind != analyzer.KindRollout {
		c.foreign("failing", "notReady")
	}
	c.labels()
	c.times(p, scrape)
	if s.Strict {
		c.strict()
	}
	if s.MinRequests == 0 {
		c.say(c.field("minRequests"), "is 0; a rate over no requests proves nothing; use 100 or so")
	}
}

func (c signalCheck) business() {
	c.foreign("errors", "histogram", "slo", "quantile", "tolerance", "unit", "strict")
	switch {
	case c.Query != "" && (c.Events != "" || c.Requests != ""):
		c.say(c.field("query"), "takes the place of events and requests; keep one or the other")
	case c.Query != "":
		if _, err := analyzer.ParseNumber(c.Query); err != nil {
			c.say(c.field("query"), "%v", err)
		}
	default:
		c.selector("events", c.Events, "orders_total")
		if c.Requests != "" {
			c.selector("requests", c.Requests, "http_requests_total")
		}
	}
	if d := c.Direction; d != "" && d != analyzer.Falling && d != analyzer.Rising && d != analyzer.Either {
		c.say(c.field("direction"), "%q is not a direction; use %s, %s or %s", d, analyzer.Falling, analyzer.Rising, analyzer.Either)
	}
	if r := c.MaxIncrease.Relative; !(r >= 0 && r < 1) && c.Direction != analyzer.Rising {
		c.say(c.field("maxIncrease", "relative"), "%v is not a fraction by which the metric may fall; write 10 %% as 0.10", r)
	}
}

func (c signalCheck) labels() {
	l := c.Labels
	for _, name := range [][2]string{{"namespace", l.Namespace}, {"workload", l.Workload}, {"pod", l.Pod}, {"version", l.Version}} {
		if name[1] != "" && !model.UTF8Validation.IsValidLabelName(name[1]) {
			c.say(c.field("labels", name[0]), "%q is not a label's name; use the one that carries the %s in the series", name[1], name[0])
		}
	}
	c.workloadValue(l)
	if l.Pod == "" && l.Workload == "" && c.Query == "" {
		c.say(c.field("labels"), "has neither pod nor workload, so nothing tells the workload's series from others; name one of the two")
	}
}

func (c signalCheck) times(p Policy, scrape model.Duration) {
	if c.given(c.field("scrapeInterval")) {
		c.positive(c.field("scrapeInterval"), c.ScrapeInterval)
	} else {
		c.ScrapeInterval = scrape
	}
	c.positive(c.field("window"), c.Window)
	if 0 < c.Window && c.Window < c.ScrapeInterval {
		c.say(c.field("window"), "%s is shorter than the scrape interval, %s, so most ticks would hold nothing; make it longer", c.Window, c.ScrapeInterval)
	}
	c.positive(c.field("for"), c.For)
	if c.For >= p.Stages.Enhanced.Until {
		c.say(c.field("for"), "%s is no shorter than the whole watch, %s, so the rule could never act; make it shorter", c.For, p.Stages.Enhanced.Until)
	}
}

// strict refuses what strict switches off, because whoever wrote it expects an effect.
func (c signalCheck) strict() {
	for _, path := range [][]any{{"minRequests"}, {"maxIncrease", "absolute"}} {
		if c.given(c.field(path...)) {
			c.say(c.field(path...), "has no effect on a strict signal, which is judged as the runbook is written; remove it, or strict")
		}
	}
}

func (c signalCheck) selector(name, text, example string) {
	if text == "" {
		c.say(c.field(name), "is missing; name a counter such as %s", example)
	} else if _, err := analyzer.ParseSelector(text); err != nil {
		c.say(c.field(name), "%v", err)
	}
}

// foreign refuses fields that only another kind of signal has, because whoever wrote them expects an effect.
func (c signalCheck) foreign(names ...string) {
	for _, name := range names {
		if c.given(c.field(name)) {
			c.say(c.field(name), "has no effect on a signal of kind %s; remove it", c.Kind)
		}
	}
}

func (c signalCheck) errorRate() {
	c.selector("requests", c.Requests, "http_requests_total")
	c.selector("errors", c.Errors, `http_requests_total{code=~"5.."}`)
	if c.Requests != "" && c.Requests == c.Errors {
		c.say(c.field("errors"), "is the same as requests, so every request would count as failed; select the failed ones, such as {code=~\"5..\"}")
	}
	if r := c.MaxIncrease.Relative; !(r >= 0) || math.IsInf(r, 1) {
		c.say(c.field("maxIncrease", "relative"), "%v is not a fraction of the baseline; write 10 %% as 0.10", r)
	}
	if a := c.MaxIncrease.Absolute; !(a >= 0 && a < 1) {
		c.say(c.field("maxIncrease", "absolute"), "%v is not a fraction of all requests; write 0.1 percentage points as 0.001", a)
	}
	c.foreign("histogram", "slo", "quantile", "tolerance", "unit", "events", "query", "direction")
}

func (c signalCheck) latency() {
	c.selector("histogram", c.Histogram, "http_request_duration_seconds_bucket")
	c.foreign("requests", "errors", "maxIncrease", "events", "query", "direction")
	if c.SLO <= 0 {
		c.say(c.field("slo"), "is missing; name the latency that the quantile should stay below, such as 500ms")
	}
	if !(c.Quantile > 0 && c.Quantile < 1) {
		c.say(c.field("quantile"), "%v is not a fraction between 0 and 1; write the P95 as 0.95", c.Quantile)
	}
	if !(c.Tolerance >= 0) || math.IsInf(c.Tolerance, 1) {
		c.say(c.field("tolerance"), "%v is not a fraction of the SLO; write 20 %% as 0.20", c.Tolerance)
	}
	if u := time.Duration(c.Unit); u != time.Second && u != time.Millisecond {
		c.say(c.field("unit"), "%s is not a unit of histograms; use 1s or 1ms, as the bounds (le) of the series are", c.Unit)
	}
}
