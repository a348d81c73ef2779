package analyzer

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"
)

// query is one range selector and how its series are to be read.
type query struct {
	text string
	// bad tells whether a series counts errors, good whether it counts requests; one metric may do both.
	bad, good func(model.Metric) bool
}

// planQueries asks once for a histogram's buckets. Of error rates it asks once where the errors are a subset of the requests, and twice where they are not.
func planQueries(sig Signal, subjects []Subject, window time.Duration) ([]query, error) {
	if sig.Kind == KindLatency {
		buckets, err := narrowed(sig, sig.Histogram, subjects)
		if err != nil {
			return nil, fmt.Errorf("histogram: %w", err)
		}
		return []query{{text: buckets.Range(window), bad: never, good: always}}, nil
	}
	requests, bad, err := selectors(sig)
	if err != nil {
		return nil, err
	}
	narrow, err := narrower(sig.Labels, subjects)
	if err != nil {
		return nil, err
	}
	if requests.narrowedBy(bad) {
		isBad := func(m model.Metric) bool {
			return bad.matches(func(l string) string { return string(m[model.LabelName(l)]) })
		}
		return []query{{text: narrow(requests).Range(window), bad: isBad, good: always}}, nil
	}
	return []query{
		{text: narrow(requests).Range(window), bad: never, good: always},
		{text: narrow(bad).Range(window), bad: always, good: never},
	}, nil
}

func selectors(sig Signal) (requests, bad Selector, err error) {
	if requests, err = ParseSelector(sig.Requests); err != nil {
		return requests, bad, fmt.Errorf("requests: %w", err)
	}
	if bad, err = ParseSelector(sig.Errors); err != nil {
		return requests, bad, fmt.Errorf("errors: %w", err)
	}
	return requests, bad, nil
}

// narrowed parses a selector and limits it to the subjects.
func narrowed(sig Signal, text string, subjects []Subject) (Selector, error) {
	selector, err := ParseSelector(text)
	if err != nil {
		return Selector{}, err
	}
	narrow, err := narrower(sig.Labels, subjects)
	if err != nil {
		return Selector{}, err
	}
	return narrow(selector), nil
}

func always(model.Metric) bool { return true }
func never(model.Metric) bool  { return false }

// narrower limits a selector to the namespaces and pods of the subjects.
func narrower(l Labels, subjects []Subject) (func(Selector) Selector, error) {
	var namespaces, prefixes []string
	for _, s := range subjects {
		namespaces, prefixes = append(namespaces, s.Namespace), append(prefixes, s.PodPrefix)
		if s.ControlPrefix != "" {
			prefixes = append(prefixes, s.ControlPrefix)
		}
	}
	byNamespace, err := anyOf(l.Namespace, namespaces, "")
	if err != nil {
		return nil, err
	}
	byPod, err := anyOf(l.Pod, prefixes, podSuffix)
	if err != nil {
		return nil, err
	}
	return func(s Selector) Selector { return s.With(byNamespace, byPod) }, nil
}

// Query returns the PromQL that shows a person what the judge counted for a subject in one span, whenever it is asked;
// without an end of the span it asks for the present. Prometheus extrapolates an increase to the whole of its range, so
// that its number can differ a little from the judge's, which counts.
func Query(sig Signal, namespace, podPrefix string, span Span) (string, error) {
	subjects := []Subject{{Namespace: namespace, PodPrefix: podPrefix}}
	if sig.Kind == KindLatency {
		buckets, err := narrowed(sig, sig.Histogram, subjects)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("histogram_quantile(%g, sum by (le) (increase(%s)))", sig.Objective.Quantile, buckets.over(span)), nil
	}
	narrow, err := narrower(sig.Labels, subjects)
	if err != nil {
		return "", err
	}
	requests, bad, err := selectors(sig)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("sum(increase(%s)) / sum(increase(%s))", narrow(bad).over(span), narrow(requests).over(span)), nil
}
