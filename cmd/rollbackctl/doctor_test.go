package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/doctor"
	"github.com/rollbackd/rollbackd/internal/promtest"
)

// diagnosis is a signal and what doctor has to say of it.
type diagnosis struct {
	name, signal string
	// problems and warnings are parts of the only findings of their level, with their fixes.
	problems, warnings []string
}

func diagnoses() []diagnosis {
	const counters = "requests: http_requests_total, errors: 'http_requests_total{code=~\"5..\"}'"
	return []diagnosis{
		{name: "well", signal: counters},
		{name: "well by version", signal: counters + ", labels: {workload: app, pod: '', version: version}"},
		{name: "the limit is a bound", signal: "kind: latency, histogram: http_request_duration_seconds_bucket, slo: 500ms, tolerance: 0"},
		{name: "events", signal: "kind: business, events: orders_total"},
		{name: "a number", signal: "kind: business, query: sum(orders_total)"},
		{name: "rollout", signal: "kind: rollout"},
		{name: "no such metric", signal: "requests: http_server_requests_seconds_count, errors: 'http_server_requests_seconds_count{outcome=\"SERVER_ERROR\"}'", problems: []string{
			`Prometheus has no series of http_server_requests_seconds_count at all → set requests by the name that the series have; similar ones are "http_server_requests_total"`}},
		{name: "no such matcher", signal: "requests: 'http_requests_total{job=\"web\"}', errors: 'http_requests_total{job=\"web\",code=\"500\"}'", problems: []string{
			`http_requests_total exists, but none of its series has job="web"; the label's values are "exposed" → correct requests`}},
		{name: "errors by a label that is not there", signal: "requests: http_requests_total, errors: 'http_requests_total{status=~\"5..\"}'", problems: []string{
			`errors are those with status=~"5..", but no series has the label "status", so none would be counted → set errors by a label that they have: "app", "code", `}},
		{name: "renamed by the scrape", signal: "requests: gateway_requests_total, errors: 'gateway_requests_total{status=\"500\"}'", problems: []string{
			`the label "namespace", which carries the namespace, is never shop, but "monitoring" → set labels.namespace: exported_namespace, or scrape with honor_labels: true`}},
		{name: "the scraper's pod", signal: "requests: gateway_requests_total, errors: 'gateway_requests_total{status=\"500\"}', labels: {namespace: exported_namespace}", problems: []string{
			`the label "pod", which carries the pod, is never a pod of checkout, but "gateway-7d9f8c6b5-x2x4z" → set labels.pod: exported_pod, or`}},
		{name: "labels of another convention", signal: "requests: old_requests_total, errors: 'old_requests_total{code=\"500\"}'", problems: []string{
			`no series has the label "namespace", which should carry the namespace; they have "code", "instance", "job", "kubernetes_namespace", "kubernetes_pod_name" → set labels.namespace to kubernetes_namespace`}},
		{name: "no version label", signal: counters + ", labels: {workload: app, pod: '', version: release}", problems: []string{
			`no series has the label "release", which should carry the version → set labels.version to the label that does`}},
		{name: "nothing tells versions apart", signal: counters + ", labels: {workload: app, pod: ''}", warnings: []string{
			"no label tells versions apart, so a release is compared with the time before it only"}},
		{name: "the limit is no bound", signal: "kind: latency, histogram: http_request_duration_seconds_bucket, slo: 500ms", warnings: []string{
			"the limit of 600ms is no bound: 1s is the next one, and what takes less is not held slow → add a bucket at the limit, or choose slo and tolerance for a limit of 500ms or 1s"}},
		{name: "the limit is above all bounds", signal: "kind: latency, histogram: http_request_duration_seconds_bucket, slo: 2s", problems: []string{
			`the highest finite bucket of its histogram is 1, below the limit of 2.4`, "the highest bound is 1s, below the limit of 2s400ms", "no request in the last"}},
		{name: "wrong unit", signal: "kind: latency, histogram: http_request_duration_seconds_bucket, slo: 500ms, unit: 1ms", problems: []string{
			"the highest finite bucket", "the highest bound is 1ms, below the limit of 600ms → add a bucket at or above the limit; and see that unit is the one of the bounds", "no request"}},
		{name: "scraped more often than said", signal: counters + ", scrapeInterval: 10s", warnings: []string{"more often than every 10s as configured → set scrapeInterval: 1s"}},
		{name: "an expression of nothing", signal: "kind: business, query: sum(nothing_total)", problems: []string{"the expression gives no number now"}},
	}
}

// Every diagnosis is of a real Prometheus, in which the series are as a scrape leaves them.
func TestDoctor(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Prometheus")
	}
	text, err := os.ReadFile("testdata/doctor/exposed.txt")
	require.NoError(t, err)
	exposed := promtest.Expose(t, promtest.ParseTargets(t, "exposed", string(text)))
	prometheus := promtest.Start(t, exposed.Configuration(time.Second))
	exposed.Count(t, prometheus)
	for _, c := range diagnoses() {
		t.Run(c.name, func(t *testing.T) {
			code, document, problems := examined(t, prometheus.URL, c.signal, "-o", "json")
			var report doctor.Report
			require.NoError(t, json.Unmarshal([]byte(document), &report), problems)
			require.Len(t, report.Signals, 1)
			require.NotNil(t, report.ClockSkew)
			require.InDelta(t, 0, *report.ClockSkew, 1)
			said := bySeverity(report)
			requireParts(t, c.problems, said[doctor.Problem])
			requireParts(t, c.warnings, said[doctor.Warning])
			require.Equal(t, map[bool]int{true: exitDone, false: exitRefused}[len(c.problems) == 0], code)
		})
	}
	t.Run("for people", func(t *testing.T) { doctorForPeople(t, prometheus.URL) })
}

func doctorForPeople(t *testing.T, url string) {
	code, out, problems := examined(t, url, "requests: http_requests_total, errors: 'http_requests_total{code=~\"5..\"}', labels: {version: version}", "--version", "2")
	require.Equal(t, exitDone, code, out+problems)
	require.Contains(t, out, "shop/checkout, policy web, asked of http://127.0.0.1:")
	require.Contains(t, out, "  ok       2 series found, of 1 pod\n")
	require.Contains(t, out, "  ok       1 % of 600 requests failed in the last 5m\n")
	require.Regexp(t, `at 2 requests/s, to prove a jump from 1 %: to 1 % cannot be proven; to 5 % .+; to 20 % takes about [0-9]+[ms]`, out)
	require.Contains(t, out, "  labels   app, code, instance, job, namespace, pod, version\n")
	require.Contains(t, out, "  query    sum(increase(http_requests_total{")

	code, out, problems = examined(t, url, "requests: http_requests_total, errors: 'http_requests_total{code=~\"5..\"}', labels: {version: version}", "--version", "v3\x1b[31m")
	require.Equal(t, exitRefused, code)
	require.Contains(t, out, `no series is of version "v3\x1b[31m"; the label "version" has "v2"`)
	require.Contains(t, problems, "shop/checkout: ")
	require.NotContains(t, out+problems, "\x1b")
}

// examined runs doctor on a configuration with one signal, which is judged by samples a second apart.
func examined(t *testing.T, url, signal string, args ...string) (code int, out, problems string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rollbackd.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `instance: prod
environments: [staging, production]
prometheus: {url: %q, scrapeInterval: 1s}
policies:
- name: others
  match: [{namespace: other}]
  signals: [{name: errors, preset: http}]
- name: web
  match: [{environment: production, namespace: shop}]
  signals:
  - {name: it, %s}
`, url, signal), 0o600))
	return (&stack{}).run(t, append([]string{"doctor", "--config", file, "--workload", "shop/checkout"}, args...)...)
}

func bySeverity(report doctor.Report) map[doctor.Level][]string {
	said := map[doctor.Level][]string{}
	for _, f := range append(report.Findings, report.Signals[0].Findings...) {
		said[f.Level] = append(said[f.Level], f.Text+" → "+f.Fix)
	}
	return said
}

func requireParts(t *testing.T, parts, texts []string) {
	t.Helper()
	require.Len(t, texts, len(parts), "%q", texts)
	for i, part := range parts {
		require.Contains(t, texts[i], part)
	}
}

func TestDoctorThatCannotAsk(t *testing.T) {
	code, out, problems := examined(t, "http://127.0.0.1:1", "preset: http")
	require.Equal(t, exitUsage, code)
	require.Empty(t, out)
	require.Contains(t, problems, "unable to ask Prometheus at http://127.0.0.1:1; check prometheus.url, and that it runs")

	code, _, problems = examined(t, "http://127.0.0.1:1", "preset: http", "--env", "staging")
	require.Equal(t, exitRefused, code)
	require.Contains(t, problems, "covers shop/checkout in staging; add it to the match of one")

	for _, args := range [][]string{{"doctor"}, {"doctor", "--config", "x", "--workload", "checkout"}, {"doctor", "--config", "x", "--workload", "shop/checkout", "--timeout", "0s"},
		{"doctor", "--config", "absent.yaml", "--workload", "shop/checkout"}} {
		code, _, problems = (&stack{}).run(t, args...)
		require.Equal(t, exitUsage, code, strings.Join(args, " ")+problems)
	}
}
