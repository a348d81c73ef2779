package analyzer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"golang.org/x/sync/errgroup"
)

// This file asks for business metrics that are an expression of one number.

// value is the number of a tick; NaN if there is none.
func (m Measurement) value() float64 {
	if m.Value == nil {
		return math.NaN()
	}
	return *m.Value
}

// ParseNumber checks an expression that is to give one number: one vector or scalar, without an @ modifier.
func ParseNumber(text string) (parser.Expr, error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not PromQL: %w", text, err)
	}
	if t := expr.Type(); t != parser.ValueTypeVector && t != parser.ValueTypeScalar {
		return nil, fmt.Errorf("%q gives a %s; write an expression of one number, such as sum(rate(orders_total[5m]))", text, t)
	}
	fixed, selects := false, false
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			selects = true
			fixed = fixed || n.Timestamp != nil || n.StartOrEnd != 0
		case *parser.SubqueryExpr:
			fixed = fixed || n.Timestamp != nil || n.StartOrEnd != 0
		}
		return nil
	})
	if fixed {
		return nil, fmt.Errorf("%q has an @ modifier; leave it out, the judge sets the time itself", text)
	}
	if !selects {
		return nil, fmt.Errorf("%q reads no series, so it says nothing of any release", text)
	}
	return expr, nil
}

// numberQuery adds the matchers of the members to every selector of the expression, on its syntax tree.
func numberQuery(sig Signal, sub Subject) (string, error) {
	expr, err := ParseNumber(sig.Query)
	if err != nil {
		return "", err
	}
	narrow, err := sub.shown(sig.Labels)
	if err != nil {
		return "", err
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if vector, ok := node.(*parser.VectorSelector); ok {
			vector.LabelMatchers = narrow(Selector{vector: vector}).vector.LabelMatchers
		}
		return nil
	})
	return expr.String(), nil
}

// numbers evaluates the expression at the end of every step of a span. Where there is no number there is NaN.
func (s *Sampler) numbers(ctx context.Context, sig Signal, sub Subject, span Span, step time.Duration) ([]float64, error) {
	text, err := numberQuery(sig, sub)
	if err != nil {
		return nil, err
	}
	count := int(span.At.Sub(span.From) / step)
	if count == 0 {
		return nil, nil
	}
	first := span.At.Add(-time.Duration(count-1) * step)
	matrix, warnings, err := s.rangeOf(ctx, text, v1.Range{Start: first, End: span.At, Step: step}, maxSpacing(sig.Scrape))
	if err != nil {
		return nil, err
	}
	if len(warnings) > 0 {
		return nil, fmt.Errorf("an incomplete answer, as Prometheus warned: %s", warnings[0])
	}
	if len(matrix) > 1 {
		return nil, &severalError{signal: sig.Name, query: text, series: len(matrix)}
	}
	out := make([]float64, count)
	for i := range out {
		out[i] = math.NaN()
	}
	for _, stream := range matrix {
		for _, p := range stream.Values {
			if i := int((p.Timestamp.Time().Sub(first) + step/2) / step); 0 <= i && i < count {
				out[i] = float64(p.Value)
			}
		}
	}
	return out, nil
}

// wholeSeconds rounds up: the client writes 37.5s, which Prometheus does not read.
func wholeSeconds(d time.Duration) time.Duration { return (d + time.Second - 1).Truncate(time.Second) }

// severalError says that an expression gives more than one number.
type severalError struct {
	signal, query string
	series        int
}

// Error implements error.
func (e *severalError) Error() string {
	return fmt.Sprintf("signal %q: %s gives %d series where one number is wanted; aggregate them, such as with sum or avg", e.signal, e.query, e.series)
}

func (s *Sampler) rangeOf(ctx context.Context, text string, r v1.Range, lookback time.Duration) (model.Matrix, []string, error) {
	ctx, end, err := s.turn(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("wait to ask Prometheus: %w", err)
	}
	defer end()
	value, warnings, _, err := s.prometheus.QueryRange(ctx, text, r, v1.WithLookbackDelta(wholeSeconds(lookback)))
	if err != nil {
		return nil, nil, fmt.Errorf("query %s from %s to %s: %w", text, r.Start.UTC().Format(time.RFC3339), r.End.UTC().Format(time.RFC3339), readable(err))
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, nil, fmt.Errorf("query %s: Prometheus answered with something else than numbers", text)
	}
	return matrix, warnings, nil
}

// finite drops what is no number.
func finite(values []float64) []float64 {
	out := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			out = append(out, v)
		}
	}
	return out
}

// numbersAtOnce is how many watches are asked for at the same time by one signal that is an expression, of which every watch has
// a query of its own. As many again are left to others.
const numbersAtOnce = queriesAtOnce / 2

// sampleNumbers measures an expression for each subject: its number for the release, and for the old version beside it. An
// expression may aggregate its labels away, so that one query of all could not tell whose number is whose.
func (s *Sampler) sampleNumbers(ctx context.Context, sig Signal, subjects []Subject, out map[string][]Measurement) error {
	var filling sync.Mutex
	running, ctx := errgroup.WithContext(ctx)
	running.SetLimit(numbersAtOnce)
	for _, sub := range subjects {
		running.Go(func() error {
			list, err := s.numbersOf(ctx, sig, sub)
			filling.Lock()
			defer filling.Unlock()
			out[sub.Key] = list
			return err
		})
	}
	return running.Wait()
}

func (s *Sampler) numbersOf(ctx context.Context, sig Signal, sub Subject) ([]Measurement, error) {
	list := make([]Measurement, len(sub.Spans))
	if len(sub.Release.Since) > 0 && sub.Release.byPod(sig.Labels) {
		for i := range list {
			list[i] = Measurement{Error: "an expression over pods cannot tell the versions of a StatefulSet apart, whose pods keep their names; " +
				"give the signal counters, or leave out labels.pod"}
		}
		return list, nil
	}
	if err := s.fillNumbers(ctx, sig, sub, list, func(m *Measurement, v float64) { m.Value, m.Samples = &v, 1 }); err != nil {
		return nil, err
	}
	if beside := sub.control(sig.Labels); beside != nil {
		if err := s.fillNumbers(ctx, sig, *beside, list, func(m *Measurement, v float64) { m.ControlValue = &v }); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// control is the subject of the old version alone, nil where nothing tells it apart.
func (sub Subject) control(l Labels) *Subject {
	if !sub.Control.byPod(l) && (l.Version == "" || len(sub.Control.Versions)+len(sub.Control.NotVersions) == 0) {
		return nil
	}
	sub.Release = sub.Control
	return &sub
}

// fillNumbers asks once for each run of spans that end at equal distances.
func (s *Sampler) fillNumbers(ctx context.Context, sig Signal, sub Subject, list []Measurement, set func(*Measurement, float64)) error {
	for from := 0; from < len(sub.Spans); {
		to, step := evenly(sub.Spans, from)
		first := sub.Spans[from].At
		values, err := s.numbers(ctx, sig, sub, Span{From: first.Add(-step), At: sub.Spans[to-1].At}, step)
		if err != nil {
			return setError(err, list[from:])
		}
		for i, v := range values {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				set(&list[from+i], v)
			}
		}
		from = to
	}
	return nil
}

// setError notes in the measurements what asking again would not mend, and returns any other error.
func setError(err error, list []Measurement) error {
	if !unanswerable(err) {
		return err
	}
	for i := range list {
		list[i] = Measurement{Error: err.Error()}
	}
	return nil
}

// unanswerable reports whether it is the expression that has no answer, for this watch: it gives several numbers, or labels of
// its operands match many to many. Others must not wait for that to pass. Prometheus also answers so where its storage
// fails; that, too, is no data.
func unanswerable(err error) bool {
	var several *severalError
	return errors.As(err, &several) || Refused(err)
}

// evenly returns where a run of spans stops that end at equal distances, and the distance.
func evenly(spans []Span, from int) (to int, step time.Duration) {
	if from+1 == len(spans) {
		return from + 1, spans[from].At.Sub(spans[from].From)
	}
	step = spans[from+1].At.Sub(spans[from].At)
	to = from + 2
	for to < len(spans) && spans[to].At.Sub(spans[to-1].At) == step {
		to++
	}
	return to, step
}

// baselineNumbers measures what the number was before the deployment.
func (s *Sampler) baselineNumbers(ctx context.Context, sig Signal, sub Subject, span Span) (Baseline, error) {
	text, err := numberQuery(sig, sub)
	if err != nil {
		return Baseline{}, err
	}
	base := Baseline{Signal: sig.Name, From: span.From, To: span.At, Query: text, Step: max(baselineStep, sig.Scrape)}
	values, err := s.numbers(ctx, sig, sub, span, base.Step)
	if err != nil && unanswerable(err) {
		base.Problem = err.Error()
		return base, nil
	}
	return base.withNumbers(values), err
}
