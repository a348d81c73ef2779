package policytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/event"
)

// reader turns what a file says into tests and notes what is wrong with it.
type reader struct {
	path     string
	doc      *config.Document
	cfg      *config.Config
	interval time.Duration
}

func (r reader) tests(scenarios []scenario) ([]Test, error) {
	if len(scenarios) == 0 {
		r.doc.Say([]any{"tests"}, "is empty; write at least one test with name, input_series, deployment and expect")
	}
	var out []Test
	names := map[string]bool{}
	for i, s := range scenarios {
		at := func(path ...any) []any { return append([]any{"tests", i}, path...) }
		if s.Name == "" || names[s.Name] {
			r.doc.Say(at("name"), "%s is not a name of its own; give every test of a file another", event.Quote(s.Name))
		}
		names[s.Name] = true
		out = append(out, r.test(s, at))
	}
	if err := r.doc.Err(); err != nil {
		return nil, inFile(r.path, err)
	}
	return out, nil
}

func (r reader) test(s scenario, at func(...any) []any) Test {
	t := Test{File: r.path, Name: s.Name, policies: r.cfg.WatchPolicies(), interval: r.interval}
	seen := map[string]bool{}
	for i, in := range s.InputSeries {
		one, steps, err := r.series(in)
		switch {
		case err != nil:
			r.doc.Say(at("input_series", i), "%s", err)
		case seen[one.labels.String()]:
			r.doc.Say(at("input_series", i, "series"), "%s is given twice; put its values into one", one.labels)
		}
		seen[one.labels.String()] = true
		t.series = append(t.series, one)
		t.steps = max(t.steps, steps)
	}
	if len(s.InputSeries) == 0 {
		r.doc.Say(at("input_series"), "is empty; give the series that Prometheus would have, each with its values")
	}
	t.event = r.event(s.Deployment, at)
	if end := t.end().Sub(start); t.steps > 0 && time.Duration(s.Deployment.At) >= end {
		r.doc.Say(at("deployment", "at"), "%s is not before the end of the series, %s after their start; make the series longer", s.Deployment.At, model.Duration(end))
	}
	t.expect = r.expectation(s.Expect, at)
	return t
}

// series reads promtool's notation with Prometheus' own parser.
func (r reader) series(in inputSeries) (series, int, error) {
	metric, values, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(in.Series + " " + in.Values)
	if err != nil {
		return series{}, 0, fmt.Errorf("%s with the values %s is not in promtool's notation: %w; write values such as 0+10x240, 5 5 7, _x4 for missing ones, or stale",
			event.Quote(in.Series), event.Quote(in.Values), err)
	}
	s := series{labels: metric}
	for i, v := range values {
		if !v.Omitted {
			at := start.Add(time.Duration(i) * r.interval).UnixMilli()
			s.samples = append(s.samples, sample{at: at, number: v.Value, histogram: v.Histogram})
		}
	}
	return s, len(values), nil
}

// event has the event's own reader check the deployment.
func (r reader) event(d deployment, at func(...any) []any) event.Event {
	if d.Environment == "" && len(r.cfg.Environments) == 1 {
		d.Environment = r.cfg.Environments[0]
	}
	document, err := json.Marshal(event.Event{
		ID: d.ID, Timestamp: start.Add(time.Duration(d.At)), Environment: d.Environment, Namespace: d.Namespace, Workload: d.Workload,
		Version: d.Version, PreviousVersion: d.PreviousVersion, Policy: d.Policy, Strategy: d.Strategy,
		Service: d.Service, SelectorKey: d.SelectorKey, From: d.From, To: d.To,
	})
	if err != nil {
		r.doc.Say(at("deployment"), "%v", err)
		return event.Event{}
	}
	e, err := event.Parse(document)
	if rejection, ok := errors.AsType[*event.Rejection](err); ok {
		r.doc.Say(at("deployment", rejection.Field), "%s; %s", rejection.Reason, rejection.Fix)
	}
	if err == nil && !slices.Contains(r.cfg.Environments, e.Environment) {
		r.doc.Say(at("deployment", "environment"), "%q is not one of the environments of the configuration; use one of %q", e.Environment, r.cfg.Environments)
	}
	return e
}

// verdicts are those that a deployment can come to.
func verdicts() []analyzer.Verdict {
	return []analyzer.Verdict{analyzer.Regressed, analyzer.Healthy, analyzer.Insufficient, analyzer.NoData, analyzer.External, analyzer.SickPod}
}

func (r reader) expectation(e expectation, at func(...any) []any) Expectation {
	out := Expectation{Verdict: e.Verdict, Signal: e.Signal, AsksAPerson: e.AsksAPerson}
	if !slices.Contains(verdicts(), e.Verdict) {
		r.doc.Say(at("expect", "verdict"), "%s is not a verdict; use one of %s", event.Quote(string(e.Verdict)), verdicts())
	}
	switch {
	case e.Between == nil:
	case len(e.Between) != 2 || e.Between[0] > e.Between[1]:
		r.doc.Say(at("expect", "between"), "is not a span; give its first and last moment after the deployment, such as [45s, 2m]")
	case e.Verdict == analyzer.Insufficient || e.Verdict == analyzer.NoData:
		r.doc.Say(at("expect", "between"), "cannot be given with %s, which is no decision and has no time; leave it out", e.Verdict)
	default:
		out.Between = &Between{e.Between[0], e.Between[1]}
	}
	reason, err := regexp.Compile(e.Reason)
	if err != nil {
		r.doc.Say(at("expect", "reason"), "%s is not a regular expression: %v", event.Quote(e.Reason), err)
	} else if e.Reason != "" {
		out.reason, out.Reason = reason, e.Reason
	}
	return out
}
