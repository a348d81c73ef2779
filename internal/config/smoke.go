package config

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/smoke"
)

// HTTPCheck is one request of a smoke test and what its answer must be like.
type HTTPCheck struct {
	// URL is what is asked for. In it {namespace}, {workload} and {version} stand for those of the deployment. Required.
	URL string `yaml:"url"`
	// Method is the request's method, such as GET (the default), HEAD or POST; the request has no body.
	Method string `yaml:"method"`
	// Status is what the answer's status must be. Default 200.
	Status uint64 `yaml:"status"`
	// Body is a regular expression that the body, of which a megabyte is read, must match. Default none.
	Body string `yaml:"body"`
	// Timeout bounds one attempt. Default 5s.
	Timeout model.Duration `yaml:"timeout"`
	// Latency is how long the answer may take. Default none.
	Latency model.Duration `yaml:"latency"`
}

// UnmarshalYAML implements the decoder's interface; fields that are left out get their defaults.
func (c *HTTPCheck) UnmarshalYAML(unmarshal func(any) error) error {
	*c = HTTPCheck{Method: http.MethodGet, Status: http.StatusOK, Timeout: model.Duration(5 * time.Second)}
	type plain HTTPCheck
	return unmarshal((*plain)(c))
}

// smokeFields are those that only smoke tests have.
func smokeFields() []string { return []string{"http", "job", "every", "attempts", "failures"} }

// smoke compiles what a smoke test asks.
func (s Signal) smoke() analyzer.Smoke {
	if s.Kind != analyzer.KindSmoke {
		return analyzer.Smoke{}
	}
	out := analyzer.Smoke{Every: time.Duration(s.Every), Attempts: int(min(s.Attempts, mostAttempts)), Failures: int(min(s.Failures, mostFailures))}
	out.Job, _ = s.Job.template() // it was checked
	for _, h := range s.HTTP {
		out.HTTP = append(out.HTTP, analyzer.HTTPCheck{
			URL: h.URL, Method: h.Method, Status: int(min(h.Status, 999)), Body: h.Body,
			Timeout: time.Duration(h.Timeout), Latency: time.Duration(h.Latency),
		})
	}
	return out
}

// The most that a smoke test may ask for.
const (
	mostChecks   = 20
	mostAttempts = 10
	mostFailures = 1000
	mostTimeout  = model.Duration(time.Minute)
)

func (c signalCheck) smokeTest(p Policy) {
	c.foreign("preset", "requests", "errors", "histogram", "slo", "quantile", "tolerance", "unit", "events", "query", "direction",
		"labels", "scrapeInterval", "maxIncrease", "window", "for", "minRequests", "strict", "failing", "notReady")
	c.positive(c.field("every"), c.Every)
	if c.Attempts < 1 || c.Attempts > mostAttempts {
		c.say(c.field("attempts"), "%d is not a number of attempts; use 1 to %d", c.Attempts, mostAttempts)
	}
	switch {
	case c.Failures < 1 || c.Failures > mostFailures:
		c.say(c.field("failures"), "%d is not a number of rounds; use 1 to %d, such as 3", c.Failures, mostFailures)
	case time.Duration(c.Failures)*time.Duration(c.Every) >= time.Duration(p.Stages.Enhanced.Until):
		c.say(c.field("failures"), "%d rounds, %s apart, are no shorter than the whole watch, %s; use fewer", c.Failures, c.Every, p.Stages.Enhanced.Until)
	}
	if c.Job != nil {
		c.smokeJob()
	} else if n := len(c.HTTP); n == 0 || n > mostChecks {
		c.say(c.field("http"), "has %d checks; give 1 to %d, such as {url: \"http://{workload}.{namespace}.svc/healthz\"}, or a job instead", n, mostChecks)
	}
	for i, h := range c.HTTP {
		c.httpCheck(h, func(name string) []any { return c.field("http", i, name) })
	}
}

// smokeJob checks a smoke test whose rounds are Jobs.
func (c signalCheck) smokeJob() {
	if len(c.HTTP) > 0 {
		c.say(c.field("job"), "cannot be had together with http; make two signals of them")
	}
	if c.given(c.field("attempts")) {
		c.say(c.field("attempts"), "has no effect on a Job; set backoffLimit in it, or remove this")
	}
	if template, err := c.Job.template(); err == nil && strings.Contains(string(template), "{target}") {
		c.say(c.field("job"), "holds {target}, and a smoke test goes back to no version; use {version}")
	}
	c.job(c.field("job"), c.Job, time.Duration(c.Every))
}

func (c signalCheck) httpCheck(h HTTPCheck, field func(string) []any) {
	if err := smoke.CheckURL(h.URL); err != nil {
		c.say(field("url"), "%v", err)
	}
	methods := []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	if !slices.Contains(methods, h.Method) {
		c.say(field("method"), "%q is not a method; use one of %q", h.Method, methods)
	}
	if h.Status < 200 || h.Status > 599 {
		c.say(field("status"), "%d is not the status of an answer; use 200 to 599", h.Status)
	}
	if _, err := regexp.Compile(h.Body); err != nil {
		c.say(field("body"), "%v; write a regular expression as Go and RE2 know it", err)
	}
	c.positive(field("timeout"), h.Timeout)
	if h.Timeout > mostTimeout {
		c.say(field("timeout"), "%s holds a round for longer than a user would wait; use at most %s", h.Timeout, mostTimeout)
	}
	if h.Latency < 0 || h.Latency >= h.Timeout && h.Latency > 0 {
		c.say(field("latency"), "%s is not within the timeout, %s; make it shorter", h.Latency, h.Timeout)
	}
}
