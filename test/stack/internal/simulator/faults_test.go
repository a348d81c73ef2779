package simulator

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"
)

// send sends a request without a body to the simulator.
func send(t *testing.T, s *Simulator, method, path string) (int, Fault) {
	t.Helper()
	recorder := httptest.NewRecorder()
	s.Handler().ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
	var fault Fault
	if recorder.Code == http.StatusOK && method == http.MethodPost {
		if err := json.Unmarshal(recorder.Body.Bytes(), &fault); err != nil {
			t.Fatal(err)
		}
	}
	return recorder.Code, fault
}

func TestOutageHitsTheSelectedPodsUntilItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator()
		s.Observe(readyPod("a", "app:v1"))
		expect := func(when string, want int) {
			t.Helper()
			if code, _ := get(t, s, "/pods/shop/web-1/"); code != want {
				t.Errorf("%s the pod answered %d", when, code)
			}
		}
		send(t, s, http.MethodPost, "/v1/faults?namespace=bank&fail=1")
		send(t, s, http.MethodPost, "/v1/faults?namespace=shop&fail=1&selector=app%3Dother")
		expect("in an outage of others", http.StatusOK)

		_, fault := send(t, s, http.MethodPost, "/v1/faults?namespace=shop&fail=1&selector=app%3Dweb")
		expect("in the outage", http.StatusInternalServerError)
		if code, _ := send(t, s, http.MethodDelete, "/v1/faults/"+fault.ID); code != http.StatusOK {
			t.Errorf("the end of the outage was answered with %d", code)
		}
		expect("after the outage", http.StatusOK)
		if code, _ := send(t, s, http.MethodDelete, "/v1/faults/"+fault.ID); code != http.StatusNotFound {
			t.Errorf("a second end of the outage was answered with %d", code)
		}

		send(t, s, http.MethodPost, "/v1/faults?namespace=shop&fail=1&for=30s")
		time.Sleep(29 * time.Second)
		expect("before the time is over", http.StatusInternalServerError)
		time.Sleep(2 * time.Second)
		expect("after the time is over", http.StatusOK)
		if active := s.shared.faults.active(time.Now()); len(active) != 2 {
			t.Errorf("faults that are not over: %+v", active)
		}
	})
}

func TestParseFaultRefuses(t *testing.T) {
	for _, query := range []string{
		"fail=1", "namespace=shop", "namespace=shop&fail=2", "namespace=shop&fail=1&for=soon",
		"namespace=shop&scrape=404", "namespace=shop&fail=1&selector=)",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if fault, err := parseFault(values, time.Now()); err == nil {
			t.Errorf("%s was taken for %+v", query, fault)
		}
	}
}

func TestScrapeGapDoesNotLoseCounts(t *testing.T) {
	s := newSimulator()
	s.Observe(readyPod("a", "app:v1"))
	_, fault := send(t, s, http.MethodPost, "/v1/faults?namespace=shop&scrape=503")
	if code, _ := get(t, s, "/pods/shop/web-1/metrics"); code != http.StatusServiceUnavailable {
		t.Errorf("in the gap /metrics answered %d", code)
	}
	if code, _ := get(t, s, "/pods/shop/web-1/"); code != http.StatusOK {
		t.Errorf("in the gap the pod answered %d", code)
	}
	send(t, s, http.MethodDelete, "/v1/faults/"+fault.ID)
	if n := requests(t, s); n != "1" {
		t.Errorf("after the gap the metrics show %s requests instead of 1", n)
	}
}

func TestHangingScrapeEndsWithTheClientOrThePod(t *testing.T) {
	s := newSimulator()
	pod := readyPod("a", "app:v1")
	pod.Annotations[annotationScrape] = "hang"
	s.Observe(pod)
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	scrape := func(ctx context.Context) {
		t.Helper()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/pods/shop/web-1/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			t.Errorf("the scrape answered %d", response.StatusCode)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	scrape(short)
	go s.Forget(pod)
	scrapeOrGone(t, server.URL+"/pods/shop/web-1/metrics")
}

// scrapeOrGone sends a request that either hangs until the pod is deleted or comes after that.
func scrapeOrGone(t *testing.T, address string) {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		return
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadGateway {
		t.Errorf("the scrape of a deleted pod answered %d", response.StatusCode)
	}
}
