package analyzer

import (
	"context"
	"fmt"
	"strings"
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

// refusing is a Prometheus that refuses the expression for one workload, as it does where labels match many to many.
type refusing struct {
	unhurried
	with *v1.Error
}

// QueryRange implements Prometheus.
func (r *refusing) QueryRange(ctx context.Context, query string, of v1.Range, opts ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	if strings.Contains(query, "shop-7-") {
		return nil, nil, nil, r.with
	}
	return r.unhurried.QueryRange(ctx, query, of, opts...)
}

// What Prometheus refuses of one watch's expression says nothing of that watch, and holds up no other. What may pass is asked again.
func TestAnExpressionThatIsRefusedIsNoDataOfItsWatchAlone(t *testing.T) {
	sig := Signal{Name: "orders", Kind: KindBusiness, Scrape: scrape, Query: `sum(rate(orders_total[5m]) / rate(carts_total[5m]))`, Labels: Labels{Namespace: "namespace", Pod: "pod"}}
	var subjects []Subject
	for n := range 10 {
		subjects = append(subjects, Subject{Key: fmt.Sprint(n), Namespace: "shop", Workload: fmt.Sprint("shop-", n),
			Release: Members{PodPrefix: fmt.Sprintf("shop-%d-new-", n)}, Spans: []Span{{From: second(0), At: second(15)}, {From: second(15), At: second(30)}}})
	}
	for kind, final := range map[v1.ErrorType]bool{v1.ErrExec: true, v1.ErrBadData: true, v1.ErrTimeout: false, v1.ErrServer: false, v1.ErrCanceled: false} {
		t.Run(string(kind), func(t *testing.T) {
			s := NewSampler(&refusing{with: &v1.Error{Type: kind, Msg: "found duplicate series for the match group"}}, time.Minute)
			got, err := s.Sample(t.Context(), sig, subjects)
			base, failed := s.Baseline(t.Context(), sig, subjects[7], Span{From: second(0), At: second(900)})
			if !final {
				require.Error(t, err)
				require.Error(t, failed)
				return
			}
			require.NoError(t, err)
			for _, m := range got["7"] {
				require.Contains(t, m.Error, "found duplicate series for the match group")
			}
			require.NotNil(t, got["6"][1].Value)
			require.Empty(t, got["6"][1].Error)
			require.NoError(t, failed)
			require.Contains(t, base.Problem, "found duplicate series")
			require.Empty(t, base.Values)
		})
	}
}
