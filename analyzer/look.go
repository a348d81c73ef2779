package analyzer

import (
	"context"
	"fmt"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// This file is for people who want to see what a signal is measured by. Nothing is judged with it.

// Look returns the raw samples of a workload's series for a signal of counters, of whichever pod and version, and what Prometheus
// warned of.
func (s *Sampler) Look(ctx context.Context, sig Signal, namespace, workload string, span Span) (model.Matrix, []string, error) {
	plan, err := planQueries(sig, []Subject{{Namespace: namespace, Workload: workload}}, span.At.Sub(span.From))
	if err != nil {
		return nil, nil, err
	}
	var all model.Matrix
	var warnings []string
	for _, q := range plan {
		warned, err := s.each(ctx, q.text, span.At, func(stream *model.SampleStream) {
			all = append(all, &model.SampleStream{Metric: stream.Metric.Clone(), Values: slices.Clone(stream.Values), Histograms: stream.Histograms})
		})
		if err != nil {
			return nil, nil, fmt.Errorf("signal %q: %w", sig.Name, err)
		}
		warnings = append(warnings, warned...)
	}
	return all, warnings, nil
}

// Owns reports whether a series with these labels is one of the workload's, as far as labels of the workload and the namespace tell.
func (l Labels) Owns(namespace, workload string, m model.Metric) bool {
	switch f := l.whose(m); {
	case l.Namespace != "" && f.namespace != namespace:
		return false
	case l.Workload != "":
		return l.namesWorkload(namespace, workload, f.workload)
	default:
		return l.Pod == "" || f.owner(l) == workload
	}
}

// Matcher is one condition of a selector.
type Matcher struct {
	// Label is what it looks at; of the metric's name __name__.
	Label string
	// Text is the matcher as PromQL writes it.
	Text    string
	matches func(string) bool
	// Equal is the only value that matches, empty if there can be others.
	Equal string
}

// Matches reports whether a value of its label fulfils the matcher.
func (m Matcher) Matches(value string) bool { return m.matches(value) }

// Matchers returns the conditions of a selector.
func (s Selector) Matchers() []Matcher {
	var out []Matcher
	for _, m := range s.vector.LabelMatchers {
		matcher := Matcher{Label: m.Name, Text: m.String(), matches: m.Matches}
		if m.Type == labels.MatchEqual {
			matcher.Equal = m.Value
		}
		out = append(out, matcher)
	}
	return out
}
