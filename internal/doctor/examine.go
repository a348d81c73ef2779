package doctor

import (
	"context"
	"fmt"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// Request says what to look at.
type Request struct {
	Policy                       watch.Policy
	Namespace, Workload, Version string
	// Needs is what the presets of signals need, by the signals' names.
	Needs map[string]string
	// Now is the time that Prometheus is asked about.
	Now time.Time
	// Timeout bounds each question.
	Timeout time.Duration
}

// Prometheus is what is asked.
type Prometheus interface {
	v1.API
	analyzer.Prometheus
}

// Examine asks Prometheus about every signal of the policy. Whatever cannot be asked is a finding.
func Examine(ctx context.Context, prometheus Prometheus, r Request) Report {
	e := examination{Request: r, prometheus: prometheus, sampler: analyzer.NewSampler(prometheus, r.Timeout)}
	out := Report{
		Workload: r.Workload, Namespace: r.Namespace, Version: r.Version, Policy: r.Policy.Name,
		Findings: []Finding{}, Signals: []Signal{},
	}
	for _, sig := range r.Policy.Signals {
		out.Signals = append(out.Signals, e.signal(ctx, sig))
	}
	return out
}

type examination struct {
	Request
	prometheus Prometheus
	sampler    *analyzer.Sampler
}

func (e examination) signal(ctx context.Context, sig analyzer.Signal) Signal {
	out := Signal{Name: sig.Name, Kind: sig.Kind, Findings: []Finding{}}
	switch {
	case sig.Kind == analyzer.KindSmoke:
		out.say(OK, "is judged by its own checks, which the daemon makes", "")
	case !sig.FromMetrics():
		out.say(OK, "is judged by what the cluster says of the pods, and by whether the other signals' series come in", "")
	case sig.Query != "":
		e.number(ctx, sig, &out)
	default:
		e.counters(ctx, sig, &out)
	}
	return out
}

// window is how far back samples are looked at: long enough for the least traffic to show and for a few scrapes.
func (e examination) window(sig analyzer.Signal) analyzer.Span {
	return analyzer.Span{From: e.Now.Add(-max(5*time.Minute, sig.Rule.Window, 10*sig.Scrape)), At: e.Now}
}

func (e examination) counters(ctx context.Context, sig analyzer.Signal, out *Signal) {
	span := e.window(sig)
	matrix, warnings, err := e.sampler.Look(ctx, sig, e.Namespace, e.Workload, span)
	if err != nil {
		out.say(Problem, err.Error(), "check prometheus.url, prometheus.timeout and prometheus.httpClient")
		return
	}
	for _, w := range warnings {
		out.say(Warning, "Prometheus warned: "+w, "what it warns of is not judged by; look at what it says")
	}
	seen := see(sig, matrix, func(m model.Metric) bool { return sig.Labels.Owns(e.Namespace, e.Workload, m) })
	if seen.series == 0 {
		out.Findings = append(out.Findings, e.absent(ctx, sig, span)...)
		return
	}
	versions := event.Event{Version: e.Version}.VersionLabels("")
	members := seen.members(sig.Labels, versions)
	e.measure(ctx, sig, members, span, out)
	e.describe(sig, seen, versions, out)
	if sig.Kind != analyzer.KindBusiness {
		e.prove(ctx, sig, members, out)
	}
}

// measure counts as the judge would, over the newest window.
func (e examination) measure(ctx context.Context, sig analyzer.Signal, members analyzer.Members, span analyzer.Span, out *Signal) {
	sub := analyzer.Subject{Key: "it", Namespace: e.Namespace, Workload: e.Workload, Release: members, Spans: []analyzer.Span{span}}
	shown := sub
	shown.Release = analyzer.Members{Versions: members.Versions, Undivided: true}
	if text, err := analyzer.Query(sig, shown, analyzer.Span{At: time.Time{}.Add(span.At.Sub(span.From))}); err == nil {
		out.Query = text
	}
	out.WindowSeconds = span.At.Sub(span.From).Seconds()
	all, err := e.sampler.Sample(ctx, sig, []analyzer.Subject{sub})
	if err != nil {
		out.say(Problem, err.Error(), "check prometheus.url, prometheus.timeout and prometheus.httpClient")
		return
	}
	for _, m := range all["it"] {
		if m.Error != "" {
			out.say(Problem, m.Error, "these series cannot be counted as they are")
		}
		total := m.Total()
		out.Requests, out.Bad = total.N, total.K
	}
}

// number evaluates the expression of a business metric.
func (e examination) number(ctx context.Context, sig analyzer.Signal, out *Signal) {
	sub := analyzer.Subject{Key: "it", Namespace: e.Namespace, Workload: e.Workload, Release: analyzer.Members{Undivided: true}, Spans: []analyzer.Span{{From: e.Now.Add(-sig.Scrape), At: e.Now}}}
	if text, err := analyzer.Query(sig, sub, analyzer.Span{At: time.Time{}.Add(sig.Scrape)}); err == nil {
		out.Query = text
	}
	all, err := e.sampler.Sample(ctx, sig, []analyzer.Subject{sub})
	if err != nil {
		out.say(Problem, err.Error(), "ask Prometheus the query that is shown, and correct it")
		return
	}
	for _, m := range all["it"] {
		switch {
		case m.Error != "":
			out.say(Problem, m.Error, "ask Prometheus the query that is shown, and correct it")
		case m.Value == nil:
			out.say(Problem, "the expression gives no number now", "ask Prometheus the query that is shown; a part of it has no series, or nothing happened")
		default:
			out.Value = m.Value
			out.say(OK, fmt.Sprintf("the expression gives %g", *m.Value), "")
		}
	}
}
