package analyzer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// silent is a Prometheus that answers nobody until it is told to, and then with nothing.
type silent struct {
	Prometheus
	answer chan struct{}
	// underWay counts the queries that wait for an answer.
	underWay atomic.Int32
}

func (s *silent) Samples(ctx context.Context, _ string, _ time.Time, _ func(*model.SampleStream)) (v1.Warnings, error) {
	s.underWay.Add(1)
	defer s.underWay.Add(-1)
	select {
	case <-s.answer:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sampleOne asks for one subject's samples, which takes one query.
func sampleOne(ctx context.Context, s *Sampler) error {
	_, err := s.Sample(ctx, httpErrors(), []Subject{{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: span(0, 15)}})
	return err
}

// Queries wait for each other when many are asked at the same time, and nobody waits longer than the caller wants.
func TestSampleLimitsTheQueriesUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prometheus := &silent{answer: make(chan struct{})}
		s := NewSampler(prometheus, time.Hour)
		var running sync.WaitGroup
		for range 3 * queriesAtOnce {
			running.Go(func() {
				if err := sampleOne(t.Context(), s); err != nil {
					t.Error(err)
				}
			})
		}
		expect := func(want int32) {
			t.Helper()
			synctest.Wait()
			if got := prometheus.underWay.Load(); got != want {
				t.Errorf("%d queries are under way, and not %d", got, want)
			}
		}
		expect(queriesAtOnce)
		prometheus.answer <- struct{}{}
		expect(queriesAtOnce)

		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := sampleOne(impatient, s); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		expect(queriesAtOnce)
		close(prometheus.answer)
		running.Wait()
		expect(0)
	})
}
