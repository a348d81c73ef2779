package backtest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// hiccup is a Prometheus that fails a number of times, which a real one does not do on demand, and then knows of nothing.
type hiccup struct {
	watch.Sampler
	left *int
}

func (h hiccup) Extend(context.Context, *analyzer.History, time.Time) error {
	if *h.left--; *h.left >= 0 {
		return errors.New("503 Service Unavailable")
	}
	return nil
}

func TestAHiccupOfPrometheusSpoilsNoReplay(t *testing.T) {
	for failures, spoilt := range map[int]bool{0: false, 1: false, 2: false, 3: true} {
		synctest.Test(t, func(t *testing.T) {
			left := failures
			opts := Options{Source: hiccup{left: &left}, Policies: []watch.Policy{onePolicy()}, Now: time.Now().Add(48 * time.Hour)}
			e := event.Event{Environment: "production", Namespace: "shop", Workload: "checkout", Version: "v2", Timestamp: time.Now()}
			o := patiently(t.Context(), func() []Outcome { return []Outcome{Replay(t.Context(), opts, e, Surrounding{})} })[0]
			require.Equal(t, spoilt, o.Err != nil, "%d failures: %v", failures, o.Err)
			require.Equal(t, analyzer.NoData, o.Verdict)
		})
	}
}

func onePolicy() watch.Policy {
	return watch.Policy{
		Name: "http", BaselineWindow: time.Hour, SettleFor: 5 * time.Minute,
		Stages: []watch.Stage{{Name: "active", Until: 15 * time.Minute, Interval: 15 * time.Second, Mode: watch.Automatic}},
		Signals: []analyzer.Signal{{
			Name: "errors", Kind: analyzer.KindErrorRate, Requests: "requests_total", Errors: `requests_total{code="500"}`,
			Labels: analyzer.Labels{Namespace: "namespace", Pod: "pod"}, Scrape: 15 * time.Second,
			Rule: analyzer.Sustained{Relative: .1, Absolute: .001, Window: time.Minute, For: 5 * time.Minute, MinRequests: 100},
		}},
	}
}
