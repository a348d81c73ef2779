package smoke

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/rollbackd/rollbackd/analyzer"
)

// site answers in every way that a check is to tell apart.
func site(t *testing.T) *httptest.Server {
	t.Helper()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") }))
	t.Cleanup(other.Close)
	var asked atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok \x00\x1b[31m")) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	mux.HandleFunc("/circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle", http.StatusFound) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	mux.HandleFunc("/second", func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		line := []byte(strings.Repeat("x", 1<<16))
		for r.Context().Err() == nil {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestRoundTellsWhatWasWrong(t *testing.T) {
	s := site(t)
	for name, c := range map[string]struct {
		check analyzer.HTTPCheck
		says  string
	}{
		"as it should be":          {analyzer.HTTPCheck{URL: "/ok", Body: "^ok"}, ""},
		"a redirect on the host":   {analyzer.HTTPCheck{URL: "/moved"}, ""},
		"an endless body":          {analyzer.HTTPCheck{URL: "/endless", Body: "^x+$"}, ""},
		"the second attempt":       {analyzer.HTTPCheck{URL: "/second"}, ""},
		"the wrong status":         {analyzer.HTTPCheck{URL: "/broken"}, "/broken: status 500, want 200"},
		"the wrong body":           {analyzer.HTTPCheck{URL: "/ok", Body: "^fine"}, `/ok: the body does not match "^fine"; it begins with "ok \x00\x1b[31m"`},
		"a redirect to elsewhere":  {analyzer.HTTPCheck{URL: "/away"}, "/away: status 302 to "},
		"redirects without an end": {analyzer.HTTPCheck{URL: "/circle"}, "/circle: status 302 to "},
		"no answer":                {analyzer.HTTPCheck{URL: "/hang", Timeout: 100 * time.Millisecond}, "/hang: no answer within 100ms"},
		"a late answer":            {analyzer.HTTPCheck{URL: "/ok", Latency: time.Nanosecond}, "/ok: answered after "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check.URL, c.check.Method, c.check.Status = s.URL+c.check.URL, http.MethodGet, http.StatusOK
			if c.check.Timeout == 0 {
				c.check.Timeout = time.Minute
			}
			r := NewProber().Round(t.Context(), analyzer.Smoke{HTTP: []analyzer.HTTPCheck{c.check}, Attempts: 2}, Names{})
			if r.N != 1 || (r.K == 0) != (c.says == "") || !strings.Contains(r.Error, c.says) {
				t.Errorf("the round is %+v, want %q", r, c.says)
			}
			if strings.ContainsFunc(r.Error, unicode.IsControl) || len(r.Error) > 4*maxError {
				t.Errorf("what is recorded is not fit to show: %q", r.Error)
			}
		})
	}
}

// TestRoundTakesAsLongAsItsSlowestCheck: what hangs costs its own timeout only, and the others are counted.
func TestRoundTakesAsLongAsItsSlowestCheck(t *testing.T) {
	s := site(t)
	test := analyzer.Smoke{Attempts: 1}
	for range 20 {
		test.HTTP = append(test.HTTP, analyzer.HTTPCheck{URL: s.URL + "/hang", Method: http.MethodGet, Status: 200, Timeout: time.Second})
	}
	test.HTTP = append(test.HTTP, analyzer.HTTPCheck{URL: s.URL + "/ok", Method: http.MethodGet, Status: 200, Timeout: time.Minute})
	began := time.Now()
	if r := NewProber().Round(t.Context(), test, Names{}); r.N != 21 || r.K != 20 {
		t.Errorf("the round is %+v", r)
	}
	if took := time.Since(began); took > 18*time.Second { // one after the other they would take 20 s
		t.Errorf("the round took %s", took)
	}
}

func TestNobodyListens(t *testing.T) {
	// A port that was free a moment ago may have been given to somebody else since; this one is given to nobody who does not ask for it.
	test := analyzer.Smoke{HTTP: []analyzer.HTTPCheck{{URL: "http://127.0.0.1:1", Method: http.MethodGet, Status: 200, Timeout: time.Minute}}}
	if r := NewProber().Round(t.Context(), test, Names{}); r.K != 1 || !strings.Contains(r.Error, "connection refused") {
		t.Errorf("the round is %+v", r)
	}
}
