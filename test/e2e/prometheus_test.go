package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestHangingPrometheusRollsNothingBack: Prometheus takes connections and never answers. Nothing is rolled back while
// it hangs, intake goes on, and a daemon that asks another Prometheus notices nothing.
func TestHangingPrometheusRollsNothingBack(t *testing.T) {
	w := onStack(t)
	prometheus, err := w.stack.StartPrometheus(t.Context(), scrape)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.stack.KillPrometheus(context.WithoutCancel(t.Context()), prometheus.ID) }) // or it goes on scraping
	d := newDaemon(t, w, func(s *settings) {
		s.Prometheus, s.For = prometheus.URL, unhurried
	})
	other := newDaemon(t, w, func(s *settings) {
		s.Mode, s.For, s.MinBreach = "observe", 4*time.Minute, 4*time.Minute
	})
	s := newService(t, w)

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "hanging", "v2")
	s.announce(other, "hanging", "v2")
	awaitHeld(other, "hanging", 1)
	awaitHeld(d, "hanging", 4)
	require.NoError(t, w.stack.PausePrometheus(t.Context(), prometheus.ID))
	hung := time.Now()
	awaitUnready(t, d)
	e := s.announcement(d, "meanwhile", "v9")
	e.Workload = "absent"
	publishEvent(t, d, e)
	d.await("meanwhile", 15*time.Second, "known", func(watch.View) bool { return true })

	// For longer than the rule needs, by the clock of the daemon that can see. It has measured all the while: a gap would have its held time start anew.
	other.await("hanging", 90*time.Second, "measured all the while", func(v watch.View) bool {
		return v.LastTick.After(hung.Add(16*time.Second)) && v.Signals[0].Held >= 16
	})
	v := d.awaitState("hanging", 10*time.Second, watch.Watching)
	require.Less(t, v.LastTick, hung.Add(time.Second))
	require.Empty(t, s.rollbacks())

	resumed := time.Now()
	require.NoError(t, w.stack.ResumePrometheus(t.Context(), prometheus.ID))
	v = d.awaitState("hanging", 90*time.Second, watch.RolledBack)
	require.Greater(t, v.LandedAt.Sub(resumed), 10*time.Second, "held time starts anew after the gap")
	require.Len(t, s.rollbacks(), 1)
}

// The ways in which answers are spoilt.
const (
	clean int32 = iota
	failing
	warning
)

// spoilt is the stack's Prometheus behind a proxy that spoils its answers on demand.
type spoilt struct {
	url  string
	mode atomic.Int32
	// asked counts the queries since the mode was last changed.
	asked atomic.Int32
}

func newSpoilt(t *testing.T, w *world) *spoilt {
	t.Helper()
	target, err := url.Parse(w.stack.Prometheus)
	require.NoError(t, err)
	p := &spoilt{}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Accept-Encoding") // the transport then unpacks what it gets
		},
		ModifyResponse: p.warn,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if p.mode.Load() == failing {
			http.Error(w, "the backend is gone", http.StatusServiceUnavailable)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// warn adds a warning, as Thanos does where a part of the answer is missing.
func (p *spoilt) warn(r *http.Response) error {
	if p.mode.Load() != warning {
		return nil
	}
	var answer map[string]any
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return err
	}
	answer["warnings"] = []string{"a store did not answer"}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

func (p *spoilt) become(mode int32) {
	p.mode.Store(mode)
	p.asked.Store(0)
}

// TestSpoiltAnswersRollNothingBack: while Prometheus answers with errors, or with warnings that its data may be
// incomplete, a release that fails is left alone; it is rolled back once the answers are clean.
func TestSpoiltAnswersRollNothingBack(t *testing.T) {
	w := onStack(t)
	for name, mode := range map[string]int32{"errors": failing, "warnings": warning} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prometheus := newSpoilt(t, w)
			d := newDaemon(t, w, func(s *settings) { s.Prometheus, s.For = prometheus.url, unhurried })
			s := newService(t, w)

			s.deploy("v2", sampleapp.FailingThird())
			s.announce(d, "spoilt", "v2")
			awaitHeld(d, "spoilt", 3)
			prometheus.become(mode)
			pause(t, 18*time.Second)
			v := d.awaitState("spoilt", 10*time.Second, watch.Watching)
			require.Empty(t, s.rollbacks())
			require.Positive(t, prometheus.asked.Load())
			if mode == warning {
				require.Contains(t, v.Signals[0].Reason, "a store did not answer")
			}

			prometheus.become(clean)
			d.awaitState("spoilt", 90*time.Second, watch.RolledBack)
			require.Len(t, s.rollbacks(), 1)
			s.requireLive("v1")
		})
	}
}
