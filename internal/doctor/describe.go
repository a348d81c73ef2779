package doctor

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/analyzer"
)

// maxShown is how many values are shown of what may be many.
const maxShown = 8

// describe appraises series that are there.
func (e examination) describe(sig analyzer.Signal, s seen, versions []string, out *Signal) {
	out.Series, out.Pods, out.Versions, out.Labels = s.series, s.pods, s.versions, s.labels
	out.ScrapeSeconds, out.NewestSeconds = s.spacing.Seconds(), e.Now.Sub(s.newest).Seconds()
	out.Findings = append(out.Findings,
		Finding{Level: OK, Text: fmt.Sprintf("%s found%s", count(s.series, "series", "series"), ofPods(s.pods))})
	out.Findings = append(out.Findings, scrapes(sig, s, e.Now)...)
	out.Findings = append(out.Findings, badLabels(sig, s)...)
	out.Findings = append(out.Findings, tellsVersions(sig.Labels, s, e.Version, versions)...)
	if sig.Kind == analyzer.KindLatency {
		bounds, finding := boundsAround(sig, s)
		out.Bounds, out.Findings = &bounds, append(out.Findings, finding)
	}
	out.Findings = append(out.Findings, counted(sig, *out))
}

func ofPods(pods []string) string {
	if len(pods) == 0 {
		return ""
	}
	return ", of " + count(len(pods), "pod", "pods")
}

// scrapes compares how often samples come with what is configured.
func scrapes(sig analyzer.Signal, s seen, now time.Time) []Finding {
	var out []Finding
	text := fmt.Sprintf("samples come every %s, as configured", duration(s.spacing))
	switch {
	case s.spacing == 0:
		out = append(out, Finding{Problem, "no series has two samples, so nothing can be counted", "wait for a second scrape; if none comes, the target is gone"})
	case s.spacing > sig.Scrape*5/4:
		out = append(out, Finding{Problem, fmt.Sprintf("samples come every %s, but every %s is configured, so that ticks hold nothing", duration(s.spacing), duration(sig.Scrape)),
			fmt.Sprintf("set scrapeInterval: %s", duration(s.spacing))})
	case s.spacing < sig.Scrape*3/4:
		out = append(out, Finding{Warning, fmt.Sprintf("samples come every %s, more often than every %s as configured", duration(s.spacing), duration(sig.Scrape)),
			fmt.Sprintf("set scrapeInterval: %s, to find bad releases sooner", duration(s.spacing))})
	default:
		out = append(out, Finding{Level: OK, Text: text})
	}
	switch age := now.Sub(s.newest); {
	case age < -sig.Scrape:
		out = append(out, Finding{Problem, fmt.Sprintf("the newest sample is %s ahead of this machine's clock", duration(-age)), "set the clocks by NTP"})
	case age > 5*sig.Scrape/2+time.Second:
		out = append(out, Finding{Problem, fmt.Sprintf("the newest sample is %s old, so what happens now is not seen", duration(age)),
			"look at the targets of Prometheus: the workload may be scaled to zero, or its scrapes fail"})
	}
	return out
}

// badLabels tells of errors that are selected by a label which no series has: they would never be counted.
func badLabels(sig analyzer.Signal, s seen) []Finding {
	if sig.Kind != analyzer.KindErrorRate {
		return nil
	}
	bad, err := analyzer.ParseSelector(sig.Errors)
	if err != nil {
		return nil // the configuration was checked
	}
	var out []Finding
	for _, m := range bad.Matchers() {
		if m.Label != model.MetricNameLabel && !slices.Contains(s.labels, m.Label) && !m.Matches("") {
			out = append(out, Finding{Problem, fmt.Sprintf("errors are those with %s, but no series has the label %q, so none would be counted", m.Text, m.Label),
				fmt.Sprintf("set errors by a label that they have: %s", list(s.labels))})
		}
	}
	return out
}

// tellsVersions says by what the release will be told from the old version.
func tellsVersions(l analyzer.Labels, s seen, version string, versions []string) []Finding {
	switch {
	case l.Version != "" && len(s.versions) == 0 && l.Pod == "":
		return []Finding{{Problem, fmt.Sprintf("no series has the label %q, which should carry the version", l.Version),
			fmt.Sprintf("set labels.version to the label that does, of %s; or to \"\", to compare with the time before only", list(s.labels))}}
	case version != "" && l.Version != "" && len(s.versions) > 0 && !slices.ContainsFunc(versions, func(v string) bool { return slices.Contains(s.versions, v) }):
		return []Finding{{Problem, fmt.Sprintf("no series is of version %q; the label %q has %s", version, l.Version, list(s.versions)),
			"announce deployments by the version that the label has, or label the pods by the version that is announced"}}
	case l.Pod != "":
		return []Finding{{Level: OK, Text: fmt.Sprintf("the release is told from the old version by its pods, in the label %q", l.Pod)}}
	case l.Version != "":
		return []Finding{{Level: OK, Text: fmt.Sprintf("the release is told from the old version by the label %q: now %s", l.Version, list(s.versions))}}
	}
	return []Finding{{Level: Warning, Text: "no label tells versions apart, so a release is compared with the time before it only", Fix: "name labels.pod or labels.version, if the series have one"}}
}

// boundsAround finds the bounds on both sides of the limit.
func boundsAround(sig analyzer.Signal, s seen) (Bounds, Finding) {
	unit := sig.Objective.Unit.Seconds()
	limit := sig.Objective.Limit()
	out := Bounds{Limit: limit.Seconds()}
	for _, bound := range s.bounds {
		seconds := bound * unit
		if seconds >= out.Limit-1e-9 {
			out.At = &seconds
			break
		}
		out.Below = &seconds
	}
	at, below := inSeconds(out.At), inSeconds(out.Below)
	switch {
	case out.At == nil && out.Below == nil:
		return out, Finding{Problem, "the histogram has no finite bound", "name the _bucket series of a classic histogram, and configure buckets where it is measured"}
	case out.At == nil:
		return out, Finding{Problem, fmt.Sprintf("the highest bound is %s, below the limit of %s", below, duration(limit)), "add a bucket at or above the limit; and see that unit is the one of the bounds"}
	case math.Abs(*out.At-out.Limit) > 1e-9:
		return out, Finding{Warning, fmt.Sprintf("the limit of %s is no bound: %s is the next one, and what takes less is not held slow", duration(limit), at), nearest(below, at)}
	}
	return out, Finding{Level: OK, Text: fmt.Sprintf("the limit of %s is a bound", duration(limit))}
}

func nearest(below, at string) string {
	if below != "" {
		at = below + " or " + at
	}
	return "add a bucket at the limit, or choose slo and tolerance for a limit of " + at
}

func inSeconds(bound *float64) string {
	if bound == nil {
		return ""
	}
	return duration(time.Duration(math.Round(*bound * float64(time.Second))))
}

// counted says what the newest window holds.
func counted(sig analyzer.Signal, s Signal) Finding {
	window := duration(time.Duration(s.WindowSeconds) * time.Second)
	what := map[analyzer.Kind]string{analyzer.KindErrorRate: "failed", analyzer.KindLatency: "took longer than " + duration(sig.Objective.Limit())}[sig.Kind]
	switch {
	case sig.Kind == analyzer.KindBusiness:
		return Finding{Level: OK, Text: fmt.Sprintf("%s in the last %s", count(int(s.Bad), "event", "events"), window)}
	case s.Requests == 0:
		return Finding{Problem, fmt.Sprintf("no request in the last %s", window), "send some traffic; without any nothing can be told of a release"}
	}
	return Finding{Level: OK, Text: fmt.Sprintf("%s of %s %s in the last %s", percent(float64(s.Bad)/float64(s.Requests)), count(int(s.Requests), "request", "requests"), what, window)}
}

// list names values for a person, as many as one reads.
func list(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	var quoted []string
	for _, v := range values[:min(len(values), maxShown)] {
		quoted = append(quoted, fmt.Sprintf("%q", v))
	}
	text := strings.Join(quoted, ", ")
	if more := len(values) - maxShown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func percent(fraction float64) string { return fmt.Sprintf("%.3g %%", 100*fraction) }

// duration writes whole milliseconds as Prometheus does: 1h30m, 600ms.
func duration(d time.Duration) string {
	if d > time.Minute {
		d = d.Round(time.Second)
	}
	return model.Duration(d.Round(time.Millisecond)).String()
}
