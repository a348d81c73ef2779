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
	narrow, err := narrower(sig.Labels, subjects)
	if err != nil {
		return nil, err
	}
	if sig.Kind == KindLatency {
		buckets, err := ParseSelector(sig.Histogram)
		if err != nil {
			return nil, fmt.Errorf("histogram: %w", err)
		}
		return []query{{text: narrow(buckets).Range(window), bad: never, good: always}}, nil
	}
	if sig.Kind == KindBusiness && sig.Requests == "" {
		events, err := ParseSelector(sig.Events)
		if err != nil {
			return nil, fmt.Errorf("events: %w", err)
		}
		return []query{{text: narrow(events).Range(window), bad: always, good: never}}, nil
	}
	requests, bad, err := selectors(sig)
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
	field, text := "errors", sig.Errors
	if sig.Kind == KindBusiness {
		field, text = "events", sig.Events
	}
	if bad, err = ParseSelector(text); err != nil {
		return requests, bad, fmt.Errorf("%s: %w", field, err)
	}
	return requests, bad, nil
}

func always(model.Metric) bool { return true }
func never(model.Metric) bool  { return false }

// Query returns the PromQL that shows a person what the judge counted of a subject's release in one span, whenever it is
// asked; without an end of the span it asks for the present. Prometheus extrapolates an increase to the whole of its range,
// so that its number can differ a little from the judge's, which counts.
func Query(sig Signal, sub Subject, span Span) (string, error) {
	if sig.Query != "" {
		return numberQuery(sig, sub)
	}
	narrow, err := sub.shown(sig.Labels)
	if err != nil {
		return "", err
	}
	if sig.Kind == KindLatency {
		buckets, err := ParseSelector(sig.Histogram)
		if err != nil {
			return "", fmt.Errorf("histogram: %w", err)
		}
		return fmt.Sprintf("histogram_quantile(%g, sum by (le) (increase(%s)))", sig.Objective.Quantile, narrow(buckets).over(span)), nil
	}
	if sig.byTime() {
		events, err := ParseSelector(sig.Events)
		if err != nil {
			return "", fmt.Errorf("events: %w", err)
		}
		return fmt.Sprintf("sum(rate(%s))", narrow(events).over(span)), nil
	}
	requests, bad, err := selectors(sig)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("sum(increase(%s)) / sum(increase(%s))", narrow(bad).over(span), narrow(requests).over(span)), nil
}
