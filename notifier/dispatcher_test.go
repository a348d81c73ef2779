package notifier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// recorder is a sink that does what notify says and remembers when it was asked.
type recorder struct {
	name   string
	notify func(ctx context.Context, n Notice) (bool, error)

	mu    sync.Mutex
	calls []time.Time
	got   []string
}

func (r *recorder) Name() string { return r.name }

func (r *recorder) Notify(ctx context.Context, n Notice) (bool, error) {
	r.mu.Lock()
	r.calls = append(r.calls, time.Now())
	r.mu.Unlock()
	retry, err := false, error(nil)
	if r.notify != nil {
		retry, err = r.notify(ctx, n)
	}
	if err == nil {
		r.mu.Lock()
		r.got = append(r.got, n.Title)
		r.mu.Unlock()
	}
	return retry, err
}

func hang(ctx context.Context, _ Notice) (bool, error) {
	<-ctx.Done()
	return true, ctx.Err()
}

func start(t *testing.T, opts Options) (*Dispatcher, func()) {
	t.Helper()
	d, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return d, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func wantCount(t *testing.T, d *Dispatcher, sink, result string, want float64) {
	t.Helper()
	if got := testutil.ToFloat64(d.metrics.total.WithLabelValues(sink, result)); got != want {
		t.Errorf("%s of %s = %v, want %v", result, sink, got, want)
	}
}

func TestHangingSinkDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, good := &recorder{name: "stuck", notify: hang}, &recorder{name: "good"}
		d, stop := start(t, Options{Sinks: []Sink{stuck, good}, Queue: 2})
		before := time.Now()
		for i := range 3 {
			d.Send(Notice{Title: fmt.Sprint(i)})
			synctest.Wait()
		}
		if waited := time.Since(before); waited != 0 {
			t.Errorf("the caller waited for %v", waited)
		}
		if got := strings.Join(good.got, ","); got != "0,1,2" {
			t.Errorf("the good sink got %q", got)
		}
		d.Send(Notice{Title: "3"})
		wantCount(t, d, "stuck", resultDropped, 1)
		stop()
		if waited := time.Since(before); waited != DefaultGrace {
			t.Errorf("stopping took %v, want the grace period", waited)
		}
		wantCount(t, d, "good", resultSent, 4)
		wantCount(t, d, "stuck", resultSent, 0)
		wantCount(t, d, "stuck", resultFailed, 1)
		wantCount(t, d, "stuck", resultDropped, 3)
	})
}

func TestRetriesBackOffAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "down", notify: func(context.Context, Notice) (bool, error) { return true, errors.New("503") }}
		d, stop := start(t, Options{Sinks: []Sink{r}, Attempts: 4, Backoff: time.Second})
		begin := time.Now()
		d.Send(Notice{Title: "x"})
		time.Sleep(time.Hour)
		synctest.Wait()
		var at []string
		for _, c := range r.calls {
			at = append(at, c.Sub(begin).String())
		}
		if got := strings.Join(at, " "); got != "0s 1s 3s 7s" {
			t.Errorf("attempts at %s", got)
		}
		wantCount(t, d, "down", resultFailed, 1)
		stop()
	})
}

func TestDeadlineThenSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		r := &recorder{name: "slow", notify: func(ctx context.Context, n Notice) (bool, error) {
			if first {
				first = false
				return hang(ctx, n)
			}
			return false, nil
		}}
		d, stop := start(t, Options{Sinks: []Sink{r}})
		d.Send(Notice{Title: "x"})
		time.Sleep(DefaultDeadline + DefaultBackoff)
		synctest.Wait()
		wantCount(t, d, "slow", resultSent, 1)
		wantCount(t, d, "slow", resultFailed, 0)
		stop()
	})
}

func TestNoRetryWhenPointless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := &recorder{name: "refuse", notify: func(context.Context, Notice) (bool, error) { return false, errors.New("401") }}
		panics := &recorder{name: "panics", notify: func(context.Context, Notice) (bool, error) { panic("boom") }}
		core, logs := observer.New(zap.InfoLevel)
		d, stop := start(t, Options{Sinks: []Sink{refuse, panics}, Logger: zap.New(core)})
		d.Send(Notice{Title: "x", At: time.Now()})
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(refuse.calls) != 1 || len(panics.calls) != 1 {
			t.Errorf("%d and %d attempts, want one each", len(refuse.calls), len(panics.calls))
		}
		wantCount(t, d, "refuse", resultFailed, 1)
		wantCount(t, d, "panics", resultFailed, 1)
		if n := logs.FilterMessage("notice not delivered").Len(); n != 2 {
			t.Errorf("%d failures logged, want 2", n)
		}
		stop()
	})
}

func TestQueuedNoticesAreDeliveredOnStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "slow", notify: func(context.Context, Notice) (bool, error) {
			time.Sleep(time.Second)
			return false, nil
		}}
		d, stop := start(t, Options{Sinks: []Sink{r}})
		for range 3 {
			d.Send(Notice{Title: "last words"})
		}
		synctest.Wait()
		stop()
		wantCount(t, d, "slow", resultSent, 3)
	})
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Options{Sinks: []Sink{&recorder{name: "a"}, &recorder{name: "a"}}}); err == nil {
		t.Error("two sinks of one name were accepted")
	}
	reg := prometheus.NewRegistry()
	if _, err := New(Options{Registerer: reg}); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Registerer: reg}); err == nil {
		t.Error("a metric registered twice was accepted")
	}
}

func TestCountersStartAtZero(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	if _, err := New(Options{Registerer: reg, Sinks: []Sink{Log{Logger: zap.NewNop()}}}); err != nil {
		t.Fatal(err)
	}
	if n, err := testutil.GatherAndCount(reg, "rollbackd_notifications_total"); err != nil || n != 3 {
		t.Errorf("%d series, %v; want 3", n, err)
	}
}
