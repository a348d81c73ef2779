package config

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// Summary is what a policy comes to, with all defaults and presets filled in.
type Summary struct {
	Name string `json:"name"`
	// Match are the workloads that it covers, as environment/namespace/workload.
	Match   []string        `json:"match"`
	Stages  []StageSummary  `json:"stages"`
	Signals []SignalSummary `json:"signals"`
}

// StageSummary is one monitoring window.
type StageSummary struct {
	Name     string     `json:"name"`
	Until    string     `json:"until"`
	Interval string     `json:"interval"`
	Mode     watch.Mode `json:"mode"`
}

// SignalSummary is one thing that releases are judged by.
type SignalSummary struct {
	Name   string        `json:"name"`
	Kind   analyzer.Kind `json:"kind"`
	Preset string        `json:"preset,omitempty"`
	// Limit says in words what a release must not exceed.
	Limit string `json:"limit"`
	For   string `json:"for"`
	// ComparedBy is the label by which the release is told from the old version; empty if it is compared with the time before only.
	ComparedBy string `json:"comparedBy,omitempty"`
	Strict     bool   `json:"strict,omitempty"`
}

// Summaries returns what the policies come to, in their order.
func (c *Config) Summaries() []Summary {
	var out []Summary
	for i, p := range c.compiled {
		s := Summary{Name: p.Name}
		for _, m := range c.Policies[i].matches() {
			s.Match = append(s.Match, pattern(m.Environment)+"/"+pattern(m.Namespace)+"/"+pattern(m.Workload))
		}
		for _, stage := range p.Stages {
			s.Stages = append(s.Stages, StageSummary{stage.Name, shown(stage.Until), shown(stage.Interval), stage.Mode})
		}
		for j, sig := range p.Signals {
			s.Signals = append(s.Signals, summaryOf(sig, c.Policies[i].Signals[j].Preset))
		}
		out = append(out, s)
	}
	return out
}

func pattern(text string) string {
	if text == "" {
		return "*"
	}
	return text
}

func summaryOf(sig analyzer.Signal, preset string) SignalSummary {
	s := SignalSummary{
		Name: sig.Name, Kind: sig.Kind, Preset: preset, Limit: limitOf(sig), For: shown(sig.Rule.For),
		ComparedBy: sig.Labels.Pod, Strict: sig.Strict,
	}
	if s.ComparedBy == "" {
		s.ComparedBy = sig.Labels.Version
	}
	if !sig.FromMetrics() {
		s.ComparedBy = ""
	}
	if sig.Kind == analyzer.KindSmoke {
		s.For = shown(sig.Smoke.Every * time.Duration(sig.Smoke.Failures-1))
	}
	return s
}

func limitOf(sig analyzer.Signal) string {
	switch r, o := sig.Rule, sig.Objective; sig.Kind {
	case analyzer.KindErrorRate:
		text := "the baseline plus " + percent(r.Relative)
		if r.Absolute > 0 {
			text += fmt.Sprintf(", and at least %s percentage points", number(100*r.Absolute))
		}
		return text
	case analyzer.KindLatency:
		return fmt.Sprintf("P%s of %s: the SLO of %s plus %s", number(100*o.Quantile), shown(o.Limit()), shown(o.SLO), percent(o.Tolerance))
	case analyzer.KindBusiness:
		return fmt.Sprintf("%s by %s beyond what is usual", directions(sig.Direction), percent(r.Relative))
	case analyzer.KindSmoke:
		if sig.Smoke.Job != nil {
			return fmt.Sprintf("a Job that fails in %d rounds in a row, %s apart", sig.Smoke.Failures, shown(sig.Smoke.Every))
		}
		return fmt.Sprintf("a check of %d that fails in %d rounds in a row, %s apart", len(sig.Smoke.HTTP), sig.Smoke.Failures, shown(sig.Smoke.Every))
	case analyzer.KindRollout:
		return fmt.Sprintf("pods that fail for %s or are not ready for %s, or no request while the old version serves",
			shown(sig.Health.Failing), shown(sig.Health.NotReady))
	}
	return ""
}

func directions(d analyzer.Direction) string {
	if d == analyzer.Either {
		return "rising or falling"
	}
	return cmp.Or(string(d), string(analyzer.Falling))
}

func percent(fraction float64) string { return number(100*fraction) + " %" }

// number writes at most four digits, of which floating point has made none up.
func number(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }

// shown writes a duration as people and Prometheus do: 1h30m, 600ms.
func shown(d time.Duration) string {
	if d%time.Millisecond != 0 {
		return d.String()
	}
	return model.Duration(d).String()
}
