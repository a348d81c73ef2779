package doctor

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/rollbackd/rollbackd/analyzer"
)

// maxSeries bounds how many series are looked through for what is wrong.
const maxSeries = 5000

// absence is what Prometheus has instead of the workload's series.
type absence struct {
	selector analyzer.Selector
	// selected are the label sets of the selector's series, whosever they are; of the metric's name alone if there are none.
	selected, named []model.LabelSet
	// similar are other metrics whose names begin alike, if there is none of this name.
	similar []string
}

// absent finds out why a signal finds no series of the workload.
func (e examination) absent(ctx context.Context, sig analyzer.Signal, span analyzer.Span) []Finding {
	var out []Finding
	for _, s := range selectors(sig) {
		a, err := e.around(ctx, s.text, span)
		if err != nil {
			return append(out, Finding{Problem, err.Error(), "check prometheus.url, prometheus.timeout and prometheus.httpClient"})
		}
		f := a.why(s.field, sig.Labels, e.Namespace, e.Workload)
		if needs := e.Needs[sig.Name]; needs != "" {
			f.Fix += ". The preset needs: " + needs
		}
		out = append(out, f)
	}
	return out
}

type field struct{ field, text string }

// selectors are those of the signal by which its series are found; that of errors finds none while nothing fails.
func selectors(sig analyzer.Signal) []field {
	switch sig.Kind {
	case analyzer.KindLatency:
		return []field{{"histogram", sig.Histogram}}
	case analyzer.KindBusiness:
		return []field{{"events", sig.Events}}
	}
	return []field{{"requests", sig.Requests}}
}

// around asks what there is near a selector.
func (e examination) around(ctx context.Context, text string, span analyzer.Span) (absence, error) {
	selector, err := analyzer.ParseSelector(text)
	if err != nil {
		return absence{}, err
	}
	a := absence{selector: selector}
	if a.selected, err = e.series(ctx, text, span); err != nil || len(a.selected) > 0 {
		return a, err
	}
	name := metric(selector)
	if name == "" {
		return a, nil
	}
	if a.named, err = e.series(ctx, named(labels.MatchEqual, name), span); err != nil || len(a.named) > 0 {
		return a, err
	}
	a.similar, err = e.similar(ctx, name, span)
	return a, err
}

func (e examination) series(ctx context.Context, text string, span analyzer.Span) ([]model.LabelSet, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	found, _, _, err := e.prometheus.Series(ctx, []string{text}, span.From, span.At, v1.WithLimit(maxSeries))
	if err != nil {
		return nil, fmt.Errorf("series of %s: %w", text, err)
	}
	return found, nil
}

// similar finds metrics whose first two words are those of the name.
func (e examination) similar(ctx context.Context, name string, span analyzer.Span) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	words := strings.SplitN(name, "_", 3)
	pattern := regexp.QuoteMeta(strings.Join(words[:min(2, len(words))], "_")) + ".*"
	found, _, _, err := e.prometheus.LabelValues(ctx, model.MetricNameLabel, []string{named(labels.MatchRegexp, pattern)}, span.From, span.At)
	if err != nil {
		return nil, fmt.Errorf("names of metrics: %w", err)
	}
	var out []string
	for _, v := range found {
		out = append(out, string(v))
	}
	slices.Sort(out)
	return out, nil
}

// metric is the name of the metric that a selector selects, empty if it is not one.
func metric(s analyzer.Selector) string {
	for _, m := range s.Matchers() {
		if m.Label == model.MetricNameLabel {
			return m.Equal
		}
	}
	return ""
}

func named(match labels.MatchType, value string) string {
	return "{" + labels.MustNewMatcher(match, model.MetricNameLabel, value).String() + "}"
}

// why says what keeps the workload's series from being found, the most general reason first.
func (a absence) why(field string, l analyzer.Labels, namespace, workload string) Finding {
	if len(a.selected) == 0 {
		return a.nothingSelected(field)
	}
	of := a.selected
	if l.Namespace != "" {
		equal := func(v string) bool { return v == namespace }
		if f, ok := missing(of, l.Namespace, "namespace", "labels.namespace", namespace, equal); ok {
			return f
		}
		of = slices.DeleteFunc(slices.Clone(of), func(s model.LabelSet) bool { return get(s, l.Namespace) != namespace })
	}
	if l.Workload != "" {
		is := func(v string) bool {
			return analyzer.Labels{Workload: "it", WorkloadValue: l.WorkloadValue}.Owns(namespace, workload, model.Metric{"it": model.LabelValue(v)})
		}
		if f, ok := missing(of, l.Workload, "workload", "labels.workload", workload, is); ok {
			return f
		}
	} else if l.Pod != "" {
		is := func(v string) bool {
			return analyzer.Labels{Pod: "it"}.Owns(namespace, workload, model.Metric{"it": model.LabelValue(v)})
		}
		if f, ok := missing(of, l.Pod, "pod", "labels.pod", "a pod of "+workload, is); ok {
			return f
		}
	}
	return Finding{Problem, "there are series of the workload, but none has a sample in the time that was looked at",
		"look at the targets of Prometheus: the workload may be scaled to zero, or its scrapes fail"}
}

func (a absence) nothingSelected(field string) Finding {
	name := metric(a.selector)
	if len(a.named) == 0 {
		fix := "see that the pods expose it and that Prometheus scrapes them (Status, Target health)"
		if len(a.similar) > 0 {
			fix = fmt.Sprintf("set %s by the name that the series have; similar ones are %s", field, list(a.similar))
		}
		return Finding{Problem, fmt.Sprintf("Prometheus has no series of %s at all", a.selector), fix}
	}
	for _, m := range a.selector.Matchers() {
		values := map[string]bool{}
		fulfilled := false
		for _, s := range a.named {
			values[get(s, m.Label)] = true
			fulfilled = fulfilled || m.Matches(get(s, m.Label))
		}
		if !fulfilled {
			delete(values, "")
			return Finding{Problem, fmt.Sprintf("%s exists, but none of its series has %s; the label's values are %s", name, m.Text, list(sorted(values))),
				fmt.Sprintf("correct %s; the series have the labels %s", field, list(labelsOf(a.named)))}
		}
	}
	return Finding{Problem, fmt.Sprintf("%s exists, but none of its series has all of %s", name, a.selector), "correct " + field}
}

// missing says what is wrong with a label that should have a value in one series at least, and which other label has it.
func missing(of []model.LabelSet, label, carries, key, wanted string, is func(string) bool) (Finding, bool) {
	values, others := map[string]bool{}, map[string]bool{}
	for _, s := range of {
		for name, value := range s {
			if string(name) == label {
				values[string(value)] = true
			}
			if is(string(value)) && name != model.MetricNameLabel {
				others[string(name)] = true
			}
		}
	}
	if others[label] {
		return Finding{}, false
	}
	text := fmt.Sprintf("no series has the label %q, which should carry the %s; they have %s", label, carries, list(labelsOf(of)))
	if len(values) > 0 {
		text = fmt.Sprintf("the label %q, which carries the %s, is never %s, but %s", label, carries, wanted, list(sorted(values)))
	}
	return Finding{Problem, text, remedy(label, carries, key, sorted(others), len(values) > 0)}, true
}

func remedy(label, carries, key string, others []string, present bool) string {
	exported := "exported_" + label
	switch {
	case slices.Contains(others, exported):
		return fmt.Sprintf("set %s: %s, or scrape with honor_labels: true; Prometheus renames a label of the series that the target has too", key, exported)
	case len(others) > 0:
		return fmt.Sprintf("set %s to %s, which has it", key, strings.Join(others, " or "))
	case present:
		if key == "labels.workload" {
			key += ", or labels.workloadValue"
		}
		return fmt.Sprintf("see that the workload serves and is scraped; if another label carries the %s, set %s", carries, key)
	}
	return fmt.Sprintf("have the scrape add the label, as a PodMonitor does for namespace and pod, or set %s to the label that carries the %s", key, carries)
}

func get(s model.LabelSet, label string) string { return string(s[model.LabelName(label)]) }

func labelsOf(of []model.LabelSet) []string {
	names := map[string]bool{}
	for _, s := range of {
		for name := range s {
			names[string(name)] = true
		}
	}
	delete(names, model.MetricNameLabel)
	return sorted(names)
}
