package analyzer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Selector is a parsed PromQL vector selector. Matchers are added on its syntax tree, never by pasting strings, so
// no label value can change what a query means.
type Selector struct {
	vector *parser.VectorSelector
}

// ParseSelector parses a plain vector selector such as http_requests_total{code=~"5.."}. Functions, ranges, offsets
// and other modifiers are refused: counting is done here, on raw samples at explicit times.
func ParseSelector(text string) (Selector, error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return Selector{}, fmt.Errorf("%q is not PromQL: %w", text, err)
	}
	vector, ok := expr.(*parser.VectorSelector)
	if !ok {
		return Selector{}, fmt.Errorf("%q is not a bare selector; write the bare counter with its label matchers, such as http_requests_total{code=~\"5..\"}", text)
	}
	if vector.OriginalOffset != 0 || vector.OriginalOffsetExpr != nil || vector.Timestamp != nil || vector.StartOrEnd != 0 {
		return Selector{}, fmt.Errorf("%q has an offset or an @ modifier; leave it out, the judge sets the time itself", text)
	}
	if vector.Anchored || vector.Smoothed { // it would add samples that no scrape took
		return Selector{}, fmt.Errorf("%q is anchored or smoothed; leave that out, the judge counts the samples as they are", text)
	}
	return Selector{vector: vector}, nil
}

// With returns the selector with further matchers.
func (s Selector) With(matchers ...*labels.Matcher) Selector {
	clone := *s.vector
	clone.LabelMatchers = slices.Concat(s.vector.LabelMatchers, matchers)
	return Selector{vector: &clone}
}

// String returns the selector as PromQL.
func (s Selector) String() string { return s.vector.String() }

// Range returns the selector as PromQL for its raw samples over the span d, rounded up to whole milliseconds.
func (s Selector) Range(d time.Duration) string {
	d = (d + time.Millisecond - 1).Truncate(time.Millisecond)
	return (&parser.MatrixSelector{VectorSelector: s.vector, Range: d}).String()
}

// over returns the selector as PromQL for its raw samples over a span, by an @ modifier.
func (s Selector) over(span Span) string {
	window := span.At.Sub(span.From)
	if span.From.IsZero() {
		return s.Range(window)
	}
	clone := *s.vector
	ms := span.At.UnixMilli()
	clone.Timestamp = &ms
	return Selector{vector: &clone}.Range(window)
}

// narrowedBy reports whether every matcher of the selector s stands in o too, so that o can only select series that s
// selects.
func (s Selector) narrowedBy(o Selector) bool {
	for _, m := range s.vector.LabelMatchers {
		if !slices.ContainsFunc(o.vector.LabelMatchers, func(n *labels.Matcher) bool { return n.String() == m.String() }) {
			return false
		}
	}
	return true
}

// matches reports whether a series with these labels is selected.
func (s Selector) matches(value func(label string) string) bool {
	for _, m := range s.vector.LabelMatchers {
		if !m.Matches(value(m.Name)) {
			return false
		}
	}
	return true
}

// oneOf matches label by a set of regular expressions, each of which stands for whole values.
func oneOf(match labels.MatchType, label string, patterns []string) (*labels.Matcher, error) {
	sorted := slices.Sorted(slices.Values(patterns))
	return labels.NewMatcher(match, label, strings.Join(slices.Compact(sorted), "|"))
}
