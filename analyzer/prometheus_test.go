package analyzer

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
)

func sample(t *testing.T, s *Sampler, sig Signal, subjects ...Subject) map[string][]Measurement {
	t.Helper()
	got, err := s.Sample(t.Context(), sig, subjects)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// One query serves all subjects, and each gets its own pods and nobody else's, however alike they are named.
func TestSampleTellsSubjectsApart(t *testing.T) {
	srv := &server{t: t, series: []*model.SampleStream{
		counter("http_requests_total", "shop", "checkout-7d9f8c6b5-x2x4z", "200", 0, 0, 1),
		counter("http_requests_total", "shop", "checkout-7d9f8c6b5-x2x4z", "503", 0, 0, 1),
		counter("http_requests_total", "shop", "checkout-api-7d9f8c6b5-x2x4z", "200", 0, 0, 10),
		counter("http_requests_total", "shop", "checkout-x2x4z", "200", 0, 0, 100),                   // of a DaemonSet
		counter("http_requests_total", "shop", "checkout-api-x2x4z", "200", 0, 0, 1000),              // of another
		counter("http_requests_total", "shop", "checkout-7d9f8c6b5-api-x2x4z", "200", 0, 0, 10000),   // of nobody's
		counter("http_requests_total", "shop", "checkout-7d9f8c6b5-0", "200", 0, 0, 10000),           // of a StatefulSet
		counter("http_requests_total", "shop", "new-checkout-7d9f8c6b5-x2x4z", "200", 0, 0, 10000),   // of nobody's
		counter("http_requests_total", "staging", "checkout-7d9f8c6b5-x2x4z", "200", 0, 0, 100000),   // elsewhere
		counter("http_requests_total", "other", "checkout-7d9f8c6b5-x2x4z", "200", 0, 0, 1000000),    // of nobody's
		counter("another_requests_total", "shop", "checkout-7d9f8c6b5-x2x4z", "200", 0, 0, 10000000), // not asked for
	}}
	subjects := []Subject{
		Subject{Key: "deployment", Namespace: "shop", Release: Members{PodPrefix: "checkout-7d9f8c6b5-"}, Spans: span(0, 15)},
		Subject{Key: "deployment of the longer name", Namespace: "shop", Release: Members{PodPrefix: "checkout-api-7d9f8c6b5-"}, Spans: span(0, 15)},
		Subject{Key: "daemon set", Namespace: "shop", Release: Members{PodPrefix: "checkout-"}, Spans: span(0, 15)},
		Subject{Key: "daemon set of the longer name", Namespace: "shop", Release: Members{PodPrefix: "checkout-api-"}, Spans: span(0, 15)},
		Subject{Key: "another namespace", Namespace: "staging", Release: Members{PodPrefix: "checkout-7d9f8c6b5-"}, Spans: span(0, 15)},
		Subject{Key: "gone", Namespace: "shop", Release: Members{PodPrefix: "gone-7d9f8c6b5-"}, Spans: span(0, 15)},
	}
	for i := range few { // there are so many then that they are asked for by their prefixes
		name := fmt.Sprintf("other-%d-", i)
		subjects = append(subjects, Subject{Key: name, Namespace: "shop", Release: Members{PodPrefix: name}, Spans: span(0, 15)})
	}
	want := map[string]Counts{
		"deployment": {N: 2, K: 1}, "deployment of the longer name": {N: 10}, "daemon set": {N: 100},
		"daemon set of the longer name": {N: 1000}, "another namespace": {N: 100_000}, "gone": {},
	}
	for _, number := range []int{len(want), len(subjects)} {
		srv.asked = nil
		got := sample(t, srv.sampler(), httpErrors(), subjects[:number]...)
		for key, c := range want {
			if total := got[key][0].Total(); total != c {
				t.Errorf("%s of %d: %v, want %v (%v)", key, number, total, c, got[key][0].Pods)
			}
		}
		if len(srv.asked) != 1 {
			t.Errorf("%d queries", len(srv.asked))
		}
	}
}

// The time of every query is the end of its newest span and never left to Prometheus' clock, and its range reaches
// back far enough for the oldest.
func TestSampleAsksAtExplicitTimes(t *testing.T) {
	srv := &server{t: t}
	sample(t, srv.sampler(), httpErrors(),
		Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: span(45, 60)},
		Subject{Key: "b", Namespace: "shop", Release: Members{PodPrefix: "b-"}, Spans: []Span{{second(30), second(45)}, {second(45), second(75)}}},
	)
	want := []asked{{
		text: `http_requests_total{job="apps",namespace=~"shop",pod=~"a-[bcdfghjklmnpqrstvwxz2456789]{5}|b-[bcdfghjklmnpqrstvwxz2456789]{5}"}[1m30s]`,
		from: second(30).Add(-Lookback(scrape)), to: second(75),
	}}
	if diff := cmp.Diff(want, srv.asked, cmp.AllowUnexported(asked{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A question asked late is answered as in time: samples that have come since change nothing.
func TestSampleOfThePast(t *testing.T) {
	srv := &server{t: t, series: []*model.SampleStream{
		counter("http_requests_total", "shop", "a-x2x4z", "200", 0, 10, 12, 15, 19, 0, 7, 7),
	}}
	spans := []Span{{second(0), second(15)}, {second(15), second(45)}, {second(45), second(50)}, {second(50), second(75)}}
	s := srv.sampler()
	batch := sample(t, s, httpErrors(), Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: spans})["a"]
	for i, want := range []uint64{2, 7, 0, 7} {
		if got := batch[i].Total().N; got != want {
			t.Errorf("span %d: %d, want %d", i, got, want)
		}
		alone := sample(t, s, httpErrors(), Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: spans[i : i+1]})["a"]
		if diff := cmp.Diff(batch[i], alone[0]); diff != "" {
			t.Errorf("span %d (-batch +alone):\n%s", i, diff)
		}
	}
}

func TestSampleCountsTheFirstSampleOfNewPodsOnly(t *testing.T) {
	srv := &server{t: t, series: []*model.SampleStream{
		counter("http_requests_total", "shop", "a-x2x4z", "200", 15, 9, 11),
		counter("http_requests_total", "shop", "a-bck55", "200", 15, 500, 501),
	}}
	spans := []Span{{second(0), second(15)}, {second(15), second(30)}}
	for _, c := range []struct {
		name  string
		fresh bool
		known map[string]bool
		want  []uint64
	}{
		{"all pods started inside the watch", true, nil, []uint64{509, 3}},
		{"one was measured by an earlier tick", true, map[string]bool{"a-bck55": true}, []uint64{9, 3}},
		{"they may be of any age", false, nil, []uint64{0, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := sample(t, srv.sampler(), httpErrors(),
				Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: spans, Fresh: c.fresh, Known: c.known})["a"]
			for i := range c.want {
				if n := got[i].Total().N; n != c.want[i] {
					t.Errorf("span %d: %d, want %d", i, n, c.want[i])
				}
			}
			if len(c.known) > 1 {
				t.Error("the caller's set was changed")
			}
		})
	}
}

// Two targets of one pod are scraped at times of their own: the scrapes of the one do not show that the other was.
func TestSampleTellsTargetsApart(t *testing.T) {
	proxy := counter("http_requests_total", "shop", "a-x2x4z", "200", 1, 5, 6, 7, 8, 9)
	proxy.Metric["instance"] = "a-x2x4z:15090"
	app := counter("http_requests_total", "shop", "a-x2x4z", "200", 60, 9000) // back after an outage of its target
	srv := &server{t: t, series: []*model.SampleStream{proxy, app}}
	got := sample(t, srv.sampler(), httpErrors(), Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: span(45, 61)})["a"][0]
	want := Measurement{Samples: 3, Gap: true, Pods: map[string]Counts{"a-x2x4z": {N: 2}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSampleAsksTwiceWhereErrorsAreAnotherMetric(t *testing.T) {
	srv := &server{t: t, series: []*model.SampleStream{
		counter("rpc_total", "shop", "a-x2x4z", "", 0, 100, 130),
		counter("rpc_failed_total", "shop", "a-x2x4z", "", 0, 4, 7),
	}}
	sig := httpErrors()
	sig.Requests, sig.Errors = "rpc_total", "rpc_failed_total"
	srv.warn = func(time.Time) []string { return []string{fmt.Sprint("warning ", len(srv.asked))} }
	got := sample(t, srv.sampler(), sig, Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: span(0, 15)})["a"][0]
	want := Measurement{Samples: 2, Pods: map[string]Counts{"a-x2x4z": {N: 30, K: 3}}, Warnings: []string{"warning 1", "warning 2"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(srv.asked) != 2 || srv.asked[0].to != srv.asked[1].to || srv.asked[0].from != srv.asked[1].from {
		t.Errorf("asked %v", srv.asked)
	}
}

func TestSampleChunksManySubjects(t *testing.T) {
	for subjects, queries := range map[int]int{0: 0, 1: 1, few: 1, few + 1: 1, chunkSubjects: 1, chunkSubjects + 1: 2} {
		srv := &server{t: t}
		var all []Subject
		for i := range subjects {
			prefix := fmt.Sprintf("app-%d-7d9f8c6b5-", i)
			srv.series = append(srv.series, counter("http_requests_total", "shop", prefix+"x2x4z", "500", 0, 1, float64(i+2)))
			all = append(all, Subject{Key: prefix, Namespace: "shop", Release: Members{PodPrefix: prefix}, Spans: span(0, 15)})
		}
		got := sample(t, srv.sampler(), httpErrors(), all...)
		if len(srv.asked) != queries || len(got) != subjects {
			t.Errorf("%d subjects: %d queries, %d answers", subjects, len(srv.asked), len(got))
		}
		for i, sub := range all {
			if c := got[sub.Key][0].Total(); c != (Counts{N: uint64(i + 1), K: uint64(i + 1)}) {
				t.Errorf("%s: %v", sub.Key, c)
			}
		}
	}
}

// However long names are, a query stays short.
func TestSampleChunksLongNames(t *testing.T) {
	srv := &server{t: t}
	var all []Subject
	for i := range 400 {
		name := fmt.Sprintf("%s-%04d", strings.Repeat("a", 240), i)
		all = append(all, Subject{Key: name, Namespace: "shop", Release: Members{PodPrefix: name + "-"}, Spans: span(0, 15)})
	}
	if got := sample(t, srv.sampler(), httpErrors(), all...); len(got) != len(all) || len(srv.asked) != 2 {
		t.Errorf("%d answers to %d queries", len(got), len(srv.asked))
	}
	for _, q := range srv.asked {
		if len(q.text) > chunkBytes+1000 {
			t.Errorf("a query of %d bytes", len(q.text))
		}
	}
}

// A subject that has nothing due is answered with nothing, and nobody is asked about the year 1.
func TestSampleOfNoSpans(t *testing.T) {
	srv := &server{t: t}
	got := sample(t, srv.sampler(), httpErrors(), Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}})
	if len(got["a"]) != 0 || len(srv.asked) != 0 {
		t.Errorf("%v after %v", got, srv.asked)
	}
}

// Labels of an answer may hold anything: they are compared, never interpreted.
func TestSampleOfHostileLabels(t *testing.T) {
	srv := &server{t: t, series: []*model.SampleStream{counter("http_requests_total", "shop", "a-x2x4z", "200", 0, 1, 2)}}
	for _, v := range []string{"\x00", "a-x2x4z\n", `a-x2x4z"}`, "a-x2x4z|b", strings.Repeat("a-x2x4z", 10_000), ""} {
		srv.series = append(srv.series,
			counter("http_requests_total", "shop", v, "200", 0, 0, 1000),
			counter("http_requests_total", v, "a-x2x4z", "200", 0, 0, 1000))
		odd := counter("http_requests_total", "shop", "a-x2x4z", "200", 0, 1, 2)
		odd.Metric["code"] = model.LabelValue("500" + v + ".")
		srv.series = append(srv.series, odd)
	}
	got := sample(t, srv.sampler(), httpErrors(), Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: span(0, 15)})["a"][0]
	if c := got.Total(); c != (Counts{N: 7}) {
		t.Errorf("%v of %v", c, got.Pods)
	}
}

func TestQueryIsPromQLForAPerson(t *testing.T) {
	got, err := Query(httpErrors(), Subject{Namespace: "shop", Release: Members{PodPrefix: `a.b"-`}}, Span{second(0), second(60)})
	if err != nil {
		t.Fatal(err)
	}
	want := `sum(increase(http_requests_total{code=~"5..",job="apps",namespace=~"shop",pod=~"a\\.b\"-[bcdfghjklmnpqrstvwxz2456789]{5}"}[1m] @ 1700000060.000))` +
		` / sum(increase(http_requests_total{job="apps",namespace=~"shop",pod=~"a\\.b\"-[bcdfghjklmnpqrstvwxz2456789]{5}"}[1m] @ 1700000060.000))`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSignalsThatCannotBeAsked(t *testing.T) {
	for name, change := range map[string]func(*Signal){
		"requests:": func(s *Signal) { s.Requests = "rate(a[5m])" },
		"errors:":   func(s *Signal) { s.Errors = "rate(a[5m])" },
	} {
		srv := &server{t: t}
		sig, sub := httpErrors(), Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: span(0, 15)}
		change(&sig)
		_, sampled := srv.sampler().Sample(context.Background(), sig, []Subject{sub})
		_, written := Query(sig, Subject{Namespace: "shop", Release: Members{PodPrefix: "a-"}}, Span{second(0), second(60)})
		for _, err := range []error{sampled, written} {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s %v", name, err)
			}
		}
		if len(srv.asked) != 0 {
			t.Error("Prometheus was asked")
		}
	}
}
