package analyzer

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// unhurried answers every range query with one number, after 50 ms.
type unhurried struct {
	Prometheus
	asked, underWay, most atomic.Int64
}

// QueryRange implements Prometheus.
func (u *unhurried) QueryRange(ctx context.Context, _ string, r v1.Range, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	n := float64(u.asked.Add(1))
	now := u.underWay.Add(1)
	defer u.underWay.Add(-1)
	for most := u.most.Load(); now > most && !u.most.CompareAndSwap(most, now); most = u.most.Load() {
	}
	select {
	case <-time.After(50 * time.Millisecond):
	case <-ctx.Done():
		return nil, nil, nil, ctx.Err()
	}
	sample := model.SamplePair{Timestamp: model.TimeFromUnixNano(r.End.UnixNano()), Value: model.SampleValue(n)}
	return model.Matrix{{Values: []model.SamplePair{sample}}}, nil, nil, nil
}

// Every watch has queries of its own for a signal that is an expression: side by side, within the limits.
func TestExpressionsAreAskedSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &unhurried{}
		sig := Signal{Name: "orders", Kind: KindBusiness, Scrape: scrape, Query: `sum(rate(orders_total[5m]))`, Labels: Labels{Namespace: "namespace", Pod: "pod"}}
		var subjects []Subject
		for n := range 100 {
			subjects = append(subjects, Subject{Key: fmt.Sprint(n), Namespace: "shop", Workload: fmt.Sprint("shop-", n),
				Release: Members{PodPrefix: fmt.Sprintf("shop-%d-new-", n)}, Control: Members{PodPrefix: fmt.Sprintf("shop-%d-old-", n)},
				Spans: []Span{{From: second(0), At: second(15)}}})
		}
		began := time.Now()
		got, err := NewSampler(slow, time.Minute).Sample(t.Context(), sig, subjects)
		require.NoError(t, err)
		require.Len(t, got, 100)
		for _, list := range got {
			require.NotNil(t, list[0].Value)
			require.NotNil(t, list[0].ControlValue)
		}
		require.EqualValues(t, 200, slow.asked.Load(), "the release and the old version beside it")
		require.EqualValues(t, numbersAtOnce, slow.most.Load())
		require.Equal(t, 200*50*time.Millisecond/numbersAtOnce, time.Since(began))
	})
}
