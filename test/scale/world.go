package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/test/history/block"
)

const (
	scrape    = 15 * time.Second
	pods      = 3
	perTeam   = 20 // workloads of one namespace
	recorded  = 20 * time.Minute
	limit     = 500 * time.Millisecond
	hashChars = "bcdf2456789"
)

// bounds are those that the client libraries of Prometheus give a histogram by themselves.
func bounds() []string {
	return []string{"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"}
}

func codes() []string { return []string{"200", "404", "500", "503"} }

// hash is some text of the alphabet of ReplicaSets' and pods' names, always the same for a number.
func hash(n, length int) string {
	out := make([]byte, length)
	for i := range out {
		out[i] = hashChars[n%len(hashChars)]
		n = n/len(hashChars) + 7*(i+1)
	}
	return string(out)
}

func namespace(n int) string     { return fmt.Sprintf("team-%03d", n/perTeam) }
func workload(n int) string      { return fmt.Sprintf("checkout-service-%05d", n) }
func release(n int) string       { return workload(n) + "-" + hash(n, 10) + "-" }
func control(n int) string       { return workload(n) + "-" + hash(n+99_991, 10) + "-" }
func pod(n, of int) string       { return release(n) + hash(n*pods+of, 5) }
func began() time.Time           { return time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC) }
func instance(n, of int) string  { return fmt.Sprintf("10.%d.%d.%d:8080", n/250, n%250, of+1) }
func at(tick int) time.Time      { return began().Add(recorded/2 + time.Duration(tick)*scrape) }
func policy() []analyzer.Signal  { return []analyzer.Signal{errorRate(), latency()} }
func podLabels() analyzer.Labels { return analyzer.Labels{Namespace: "namespace", Pod: "pod"} }
func errorRate() analyzer.Signal {
	return analyzer.Signal{
		Name: "errors", Kind: analyzer.KindErrorRate, Scrape: scrape, Labels: podLabels(),
		Requests: "http_requests_total", Errors: `http_requests_total{code=~"5.."}`,
	}
}

func latency() analyzer.Signal {
	return analyzer.Signal{
		Name: "latency", Kind: analyzer.KindLatency, Scrape: scrape, Labels: podLabels(),
		Histogram: "http_request_duration_seconds_bucket", Objective: analyzer.Objective{Quantile: 0.95, SLO: limit, Unit: time.Second},
	}
}

// subjects are what the scheduler asks about: the tick of each watch, its release and the old version beside it.
func subjects(watches, tick int) []analyzer.Subject {
	out := make([]analyzer.Subject, watches)
	for n := range out {
		out[n] = analyzer.Subject{
			Key: workload(n), Namespace: namespace(n), Workload: workload(n), Fresh: true,
			Release: analyzer.Members{PodPrefix: release(n)}, Control: analyzer.Members{PodPrefix: control(n)},
			Spans: []analyzer.Span{{From: at(tick - 1), At: at(tick)}},
		}
	}
	return out
}

// record writes what Prometheus has of so many workloads: for every pod, requests by code and a histogram.
func record(ctx context.Context, watches int, dir string) error {
	b := block.New(began(), began().Add(block.Duration))
	for n := range watches {
		for of := range pods {
			common := []string{"namespace", namespace(n), "pod", pod(n, of), "job", "apps", "instance", instance(n, of), "container", "app"}
			phase := time.Duration(n*7919+of*104_729) % scrape // no two targets are scraped at the same time
			for i, code := range codes() {
				fill(b, phase, float64(30/(1+9*i)), append(common, model.MetricNameLabel, "http_requests_total", "code", code))
			}
			for i, le := range bounds() {
				fill(b, phase, float64(3*(i+1)), append(common, model.MetricNameLabel, "http_request_duration_seconds_bucket", "le", le))
			}
		}
	}
	_, err := b.Write(ctx, dir)
	return err
}

// fill records a counter that grows evenly.
func fill(b *block.Block, phase time.Duration, step float64, pairs []string) {
	add := b.Open(labels.FromStrings(pairs...))
	for i := range int(recorded / scrape) {
		add(began().Add(time.Duration(i)*scrape+phase.Truncate(time.Millisecond)).UnixMilli(), float64(i)*step)
	}
}
