package analyzer

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// even is a counter of a pod that grows by so much every 15 seconds before second 600, and by so much after.
func even(namespace, pod, code string, before, after float64) *model.SampleStream {
	var values []float64
	total := 1000.0
	for at := 0; at <= 900; at += 15 {
		values = append(values, total)
		if at < 600 {
			total += before
		} else {
			total += after
		}
	}
	return counter("http_requests_total", namespace, pod, code, 0, values...)
}

// labelled adds a label to a series.
func labelled(s *model.SampleStream, name, value string) *model.SampleStream {
	s.Metric[model.LabelName(name)] = model.LabelValue(value)
	return s
}

// suspicion is a breach from second 600 on, of a deployment at about that time.
func suspicion(newlyDeployed ...string) Suspicion {
	return Suspicion{
		Namespace: "shop", Workload: "checkout", Peers: true, NewlyDeployed: newlyDeployed,
		Before: Span{second(0), second(600)}, During: Span{second(600), second(660)},
	}
}

func TestAroundCountsPeers(t *testing.T) {
	few := []*model.SampleStream{
		even("shop", "checkout-7d9f8c6b5-x2x4z", "503", 9, 9), // the release
		even("shop", "cart-7d9f8c6b5-x2x4z", "200", 10, 6),
		even("shop", "cart-7d9f8c6b5-bck55", "200", 10, 6),
		even("shop", "cart-7d9f8c6b5-bck55", "503", 0, 4),
		even("shop", "data-base-0", "200", 50, 50),        // of a StatefulSet: its name tells nothing
		even("shop", "idle-7d9f8c6b5-x2x4z", "200", 0, 0), // nobody calls it
		even("shop", "gone-7d9f8c6b5-x2x4z", "200", 5, 0),
		even("bank", "a-b-c-7d9f8c6b5-x2x4z", "200", 3, 3),
		even("bank", "checkout-7d9f8c6b5-x2x4z", "200", 2, 2), // another of the same name
		even("bank", "fresh-7d9f8c6b5-x2x4z", "503", 8, 8),
	}
	cart := Peer{Workload: "cart", Change: Change{Before: Counts{N: 800}, During: Counts{N: 64, K: 16}}}
	elsewhere := []Peer{
		{Workload: "bank/a-b-c", Elsewhere: true, Change: Change{Before: Counts{N: 120}, During: Counts{N: 12}}},
		{Workload: "bank/checkout", Elsewhere: true, Change: Change{Before: Counts{N: 80}, During: Counts{N: 8}}},
	}
	for _, c := range []struct {
		name   string
		series []*model.SampleStream
		fresh  []string
		want   []Peer
	}{
		{"with few in the namespace those of others are asked too, and come last", few, []string{"bank/fresh"}, append([]Peer{cart}, elsewhere...)},
		{"what is newly deployed is left out", few, []string{"bank/fresh", "shop/cart"}, elsewhere},
		{"but not what has its name elsewhere", few, []string{"bank/fresh", "bank/cart", "shop/a-b-c"}, append([]Peer{cart}, elsewhere...)},
		{"with three in the namespace nobody else is asked", append([]*model.SampleStream{
			even("shop", "users-7d9f8c6b5-x2x4z", "200", 1, 1), even("shop", "search-7d9f8c6b5-x2x4z", "200", 2, 2),
		}, few...), nil, []Peer{
			cart,
			{Workload: "search", Change: Change{Before: Counts{N: 80}, During: Counts{N: 8}}},
			{Workload: "users", Change: Change{Before: Counts{N: 40}, During: Counts{N: 4}}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := &server{t: t, series: c.series}
			got, err := srv.sampler().Around(t.Context(), httpErrors(), nil, suspicion(c.fresh...))
			require.NoError(t, err)
			require.Equal(t, c.want, got.Peers)
			require.Empty(t, got.Callees)
		})
	}
}

// What was deployed since the release was is compared with how it was just before the breach: what its own deployment made of it
// is nobody else's doing.
func TestAroundComparesWhatWasDeployedSinceWithTheTimeBeforeTheBreach(t *testing.T) {
	srv := &server{t: t, series: []*model.SampleStream{
		even("shop", "cart-7d9f8c6b5-x2x4z", "200", 10, 10), even("shop", "search-7d9f8c6b5-x2x4z", "200", 2, 2),
		even("shop", "users-7d9f8c6b5-x2x4z", "200", 1, 1),
	}}
	sus := suspicion()
	sus.Before, sus.During = Span{second(-600), second(0)}, Span{second(600), second(660)}
	sus.Deployed = map[string]time.Time{"shop/cart": second(-600), "shop/search": second(0), "bank/users": second(0)}
	got, err := srv.sampler().Around(t.Context(), httpErrors(), nil, sus)
	require.NoError(t, err)
	require.Equal(t, []Peer{{Workload: "cart", Change: Change{Before: Counts{N: 400}, During: Counts{N: 40}}}}, got.Peers,
		"cart had settled, search was deployed too short before, and of users nothing is known of before the release")
}

// Where series have no namespace, a workload is known by its name alone, wherever it was deployed.
func TestAroundKnowsWhatWasDeployedWithoutNamespaces(t *testing.T) {
	sig := httpErrors()
	sig.Labels = Labels{Workload: "app"}
	var series []*model.SampleStream
	for _, app := range []string{"checkout", "cart", "search", "users"} {
		series = append(series, labelled(even("", "", "200", 10, 10), "app", app))
	}
	srv := &server{t: t, series: series}
	sus := suspicion("bank/cart")
	sus.Deployed = map[string]time.Time{"bank/search": second(0)}
	got, err := srv.sampler().Around(t.Context(), sig, nil, sus)
	require.NoError(t, err)
	require.Equal(t, []string{"users"}, names(got.Peers))
}

// Where a label names the workload, no pod is needed to tell it.
func TestAroundKnowsWorkloadsByTheirLabel(t *testing.T) {
	sig := httpErrors()
	sig.Labels = Labels{Namespace: "namespace", Workload: "app"}
	var series []*model.SampleStream
	for i, app := range []string{"checkout", "cart", "search", "users"} {
		series = append(series, labelled(even("shop", "", "200", float64(10-i), 10), "app", app))
	}
	srv := &server{t: t, series: append(series, even("shop", "other-7d9f8c6b5-x2x4z", "200", 99, 99))}
	got, err := srv.sampler().Around(t.Context(), sig, nil, suspicion())
	require.NoError(t, err)
	require.Equal(t, []string{"cart", "search", "users"}, names(got.Peers))
	require.Equal(t, Counts{N: 360}, got.Peers[0].Before)
}

func names(peers []Peer) []string {
	var out []string
	for _, p := range peers {
		out = append(out, p.Workload)
	}
	return out
}

// The busiest thirty are kept, and never those of other namespaces before those of the release's own.
func TestAroundKeepsThoseThatTellTheMost(t *testing.T) {
	srv := &server{t: t, series: []*model.SampleStream{
		even("shop", "small-7d9f8c6b5-x2x4z", "200", 1, 1), even("shop", "smaller-7d9f8c6b5-x2x4z", "200", 1, 1),
	}}
	for i := range 40 {
		srv.series = append(srv.series, even("bank", fmt.Sprintf("w%02d-7d9f8c6b5-x2x4z", i), "200", 100, float64(100+i)))
	}
	got, err := srv.sampler().Around(t.Context(), httpErrors(), nil, suspicion())
	require.NoError(t, err)
	require.Len(t, got.Peers, maxPeers)
	require.Equal(t, []string{"small", "smaller", "bank/w39"}, names(got.Peers)[:3])
	require.Equal(t, "bank/w12", got.Peers[maxPeers-1].Workload)
}

// call is a counter of what a caller asked of a callee.
func call(caller, callee, code string, before, after float64) *model.SampleStream {
	s := labelled(labelled(even("shop", caller+"-7d9f8c6b5-x2x4z", code, before, after), "caller", caller), "callee", callee)
	s.Metric["__name__"] = "calls_total"
	return s
}

func TestAroundFollowsTheCallGraph(t *testing.T) {
	dep := &Dependencies{
		Requests: "calls_total", Errors: `calls_total{code="502"}`, Namespace: "namespace", Caller: "caller", Callee: "callee", Scrape: scrape,
	}
	series := []*model.SampleStream{
		call("checkout", "pay", "200", 10, 8), call("checkout", "pay", "502", 0, 2),
		call("cart", "pay", "200", 5, 5), call("users", "pay", "200", 5, 5), call("users", "pay", "502", 0, 1),
		call("checkout", "mail", "200", 1, 1),
		call("web", "checkout", "200", 4, 4), call("edge", "web", "200", 4, 4), call("web", "edge", "200", 1, 1),
	}
	for _, app := range []string{"web", "edge", "cart", "users", "pay"} {
		series = append(series, even("shop", app+"-7d9f8c6b5-x2x4z", "200", 10, 10))
	}
	srv := &server{t: t, series: series}
	got, err := srv.sampler().Around(t.Context(), httpErrors(), dep, suspicion())
	require.NoError(t, err)
	require.Equal(t, []Callee{
		{Workload: "mail", Own: Change{Before: Counts{N: 40}, During: Counts{N: 4}}},
		{Workload: "pay",
			Own:    Change{Before: Counts{N: 400}, During: Counts{N: 40, K: 8}},
			Others: Change{Before: Counts{N: 400}, During: Counts{N: 44, K: 4}}},
	}, got.Callees)
	require.Equal(t, []string{"cart", "pay", "users"}, names(got.Peers), "who waits for the release, directly or not, says nothing")

	sus := suspicion()
	sus.Peers = false
	got, err = srv.sampler().Around(t.Context(), httpErrors(), dep, sus)
	require.NoError(t, err)
	require.Len(t, got.Callees, 2)
	require.Empty(t, got.Peers)
}

// A namespace is a literal, whatever is in its name, and no question is as long as the namespace is large.
func TestAroundAsksShortAndLiterally(t *testing.T) {
	srv := &server{t: t}
	sus := suspicion()
	sus.Namespace = `sh.op"} or vector(1) #`
	_, err := srv.sampler().Around(t.Context(), httpErrors(), nil, sus)
	require.NoError(t, err)
	own, all := 0, 0
	for _, q := range srv.asked {
		require.Less(t, len(q.text), 300)
		switch {
		case strings.Contains(q.text, "namespace=~"):
			require.Contains(t, q.text, fmt.Sprintf("namespace=~%q", regexp.QuoteMeta(sus.Namespace)))
			own++
		case strings.HasPrefix(q.text, `http_requests_total{job="apps"}[`):
			all++
		}
	}
	require.Equal(t, 2, all, "all namespaces, before and during")
	require.GreaterOrEqual(t, own, 2)
}

// Many releases of a namespace that are bad at once all want to know the same, at the same time.
func TestAroundAsksTheSameOnce(t *testing.T) {
	srv := &server{t: t, series: []*model.SampleStream{
		even("shop", "a-7d9f8c6b5-x2x4z", "200", 9, 9), even("shop", "b-7d9f8c6b5-x2x4z", "200", 9, 9),
		even("shop", "c-7d9f8c6b5-x2x4z", "200", 9, 9), even("shop", "d-7d9f8c6b5-x2x4z", "200", 9, 9),
	}}
	s := srv.sampler()
	var running sync.WaitGroup
	for i := range 20 {
		running.Go(func() {
			sus := suspicion()
			sus.Workload = fmt.Sprintf("release-%d", i)
			sus.During.From = second(600 + i) // bad since times of their own
			got, err := s.Around(t.Context(), httpErrors(), nil, sus)
			if err != nil || len(got.Peers) != 4 {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	running.Wait()
	require.Equal(t, 2, srv.askedFor(`namespace=~"shop"}`), "before and during")

	other := suspicion()
	other.During.At = second(675)
	_, err := s.Around(t.Context(), httpErrors(), nil, other)
	require.NoError(t, err)
	require.Equal(t, 3, srv.askedFor(`namespace=~"shop"}`), "another breach is another question")
}

// askedFor counts the queries of no workload in particular.
func (s *server) askedFor(part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, q := range s.asked {
		if strings.Contains(q.text, part) {
			n++
		}
	}
	return n
}

// Two objectives of the same histogram are two questions.
func TestMemoryTellsObjectivesApart(t *testing.T) {
	m := memory[int]{size: 32}
	asked := 0
	ask := func() (int, error) { asked++; return asked, nil }
	for _, slo := range []time.Duration{time.Second, 2 * time.Second, time.Second} {
		_, err := m.get(t.Context(), question{objective: Objective{SLO: slo}}, ask)
		require.NoError(t, err)
	}
	require.Equal(t, 2, asked)
	for i := range 3 * m.size {
		_, err := m.get(t.Context(), question{at: int64(i)}, ask)
		require.NoError(t, err)
	}
	require.Len(t, m.answers, m.size)
}

// What could not be answered is asked again, and nobody waits for longer than one question may take.
func TestAroundFails(t *testing.T) {
	broken := true
	var mu sync.Mutex
	srv := &server{t: t, series: []*model.SampleStream{even("shop", "a-7d9f8c6b5-x2x4z", "200", 9, 9)}}
	s := samplerOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if broken {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		srv.ServeHTTP(w, r)
	}))
	_, err := s.Around(t.Context(), httpErrors(), nil, suspicion())
	require.ErrorContains(t, err, "500")
	mu.Lock()
	broken = false
	mu.Unlock()
	got, err := s.Around(t.Context(), httpErrors(), nil, suspicion())
	require.NoError(t, err)
	require.Len(t, got.Peers, 1)

	srv.warn = func(time.Time) []string { return []string{"a store is missing"} }
	other := suspicion()
	other.Before.From = second(15)
	_, err = s.Around(t.Context(), httpErrors(), nil, other)
	require.Error(t, err, "half an answer is none")
}

func TestAroundDoesNotWaitForEver(t *testing.T) {
	stop := make(chan struct{})
	s := samplerOf(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	t.Cleanup(func() { close(stop) }) // before the server is closed, which waits for its answers
	s.timeout = 50 * time.Millisecond
	_, err := s.Around(t.Context(), httpErrors(), nil, suspicion())
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
