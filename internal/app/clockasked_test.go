package app

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// timekeeper is a Prometheus that tells its time, which is ahead, and counts how often it was asked.
type timekeeper struct {
	v1.API
	ahead atomic.Int64
	fails atomic.Bool
	asked atomic.Int64
}

var errAway = errors.New("connection refused")

func (k *timekeeper) Query(context.Context, string, time.Time, ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	k.asked.Add(1)
	if k.fails.Load() {
		return nil, nil, nil, errAway
	}
	told := time.Now().Add(time.Duration(k.ahead.Load()))
	return &model.Scalar{Value: model.SampleValue(float64(told.UnixMilli()) / 1000)}, nil, nil, nil
}

// answering measures one request of every subject, in a while.
type answering struct{ watch.Sampler }

func (answering) Sample(_ context.Context, _ analyzer.Signal, subjects []analyzer.Subject) (map[string][]analyzer.Measurement, error) {
	time.Sleep(100 * time.Millisecond)
	out := map[string][]analyzer.Measurement{}
	for _, s := range subjects {
		out[s.Key] = make([]analyzer.Measurement, len(s.Spans))
	}
	return out, nil
}

// lookedAt is a clock that readiness looks at, as it does in the daemon, for the length of a test in a bubble.
func lookedAt(t *testing.T, prometheus *timekeeper) *clock {
	t.Helper()
	c := &clock{prometheus: prometheus, now: time.Now, scrape: 15 * time.Second, log: zap.NewNop()}
	ready := newReadiness(map[string]check{"prometheus": c.reachable})
	go ready.run(t.Context())
	synctest.Wait()
	return c
}

func measureOnce(t *testing.T, c *clock) analyzer.Measurement {
	t.Helper()
	sig := failingSignal()
	sig.Scrape = 15 * time.Second
	got, err := clockedSampler{answering{}, c}.Sample(t.Context(), sig, []analyzer.Subject{{Key: "w", Spans: []analyzer.Span{{}}}})
	require.NoError(t, err)
	return got["w"][0]
}

// However many signals are measured and however often somebody looks whether Prometheus is there, its time is asked once a tick.
func TestTimeIsAskedOnceATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prometheus := &timekeeper{}
		c := lookedAt(t, prometheus)
		time.Sleep(7 * time.Second)
		before := prometheus.asked.Load()
		const minutes = 10
		for range 4 * minutes {
			for range 3 {
				require.Empty(t, measureOnce(t, c).Error)
			}
			time.Sleep(15*time.Second - 300*time.Millisecond)
		}
		require.EqualValues(t, 4*minutes, prometheus.asked.Load()-before)
	})
}

// Where nothing is measured, Prometheus is asked about once a scrape.
func TestTimeIsAskedWhereNothingIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prometheus := &timekeeper{}
		lookedAt(t, prometheus)
		time.Sleep(10 * time.Minute)
		require.InDelta(t, 40, prometheus.asked.Load(), 5)
	})
}

// A clock that jumps is found out by the measurement that it would spoil, and not by a later one.
func TestAJumpOfTheClockIsFoundWithTheTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prometheus := &timekeeper{}
		c := lookedAt(t, prometheus)
		time.Sleep(3 * time.Second)
		require.Empty(t, measureOnce(t, c).Error)
		time.Sleep(10 * time.Second)
		prometheus.ahead.Store(int64(time.Minute))
		require.Contains(t, measureOnce(t, c).Error, "ahead of this machine's")
		prometheus.ahead.Store(0)
		time.Sleep(probeEvery + time.Second)
		require.Empty(t, measureOnce(t, c).Error, "that it is right again is noticed soon")
	})
}

// A Prometheus that is away is asked each time, so that it is noticed soon when it is back; what was known of its clock holds.
func TestAPrometheusThatIsAwayIsAskedEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prometheus := &timekeeper{}
		c := lookedAt(t, prometheus)
		time.Sleep(3 * time.Second)
		prometheus.fails.Store(true)
		require.Empty(t, measureOnce(t, c).Error)
		require.ErrorIs(t, c.reachable(t.Context()), errAway)
		before := prometheus.asked.Load()
		time.Sleep(time.Minute)
		require.InDelta(t, time.Minute/probeEvery, prometheus.asked.Load()-before, 1)
		prometheus.fails.Store(false)
		time.Sleep(probeEvery)
		require.NoError(t, c.reachable(t.Context()))
	})
}
