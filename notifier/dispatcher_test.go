package notifier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

// asked is when the sink was asked to tell something, told what it was told.
func (r *recorder) asked() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

func (r *recorder) told() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.got, " ")
}

func hang(ctx context.Context, _ Notice) (bool, error) {
	<-ctx.Done()
	return true, ctx.Err()
}

func start(t *testing.T, opts Options, sinks ...Sink) (*Dispatcher, func()) {
	t.Helper()
	for _, s := range sinks {
		opts.Receivers = append(opts.Receivers, Receiver{Sink: s})
	}
	d, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return d, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func wantCount(t *testing.T, d *Dispatcher, sink string, result Result, want float64) {
	t.Helper()
	if got := testutil.ToFloat64(d.opts.Metrics.total.WithLabelValues(sink, string(result))); got != want {
		t.Errorf("%s of %s = %v, want %v", result, sink, got, want)
	}
}

// pass lets time go by and whatever is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func titled(titles ...string) (out []Notice) {
	for _, t := range titles {
		out = append(out, Notice{Title: t, Severity: Page})
	}
	return out
}

func TestHangingSinkDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, good := &recorder{name: "stuck", notify: hang}, &recorder{name: "good"}
		d, stop := start(t, Options{Queue: 2}, stuck, good)
		before := time.Now()
		for i := range 3 {
			d.Send(Notice{Title: fmt.Sprint(i)})
			synctest.Wait()
		}
		if waited := time.Since(before); waited != 0 {
			t.Errorf("the caller waited for %v", waited)
		}
		if got := good.told(); got != "0 1 2" {
			t.Errorf("the good sink got %q", got)
		}
		wantCount(t, d, "stuck", Dropped, 1)
		stop()
		if waited := time.Since(before); waited != DefaultGrace {
			t.Errorf("stopping took %v, want the grace period", waited)
		}
		wantCount(t, d, "good", Sent, 3)
		wantCount(t, d, "stuck", Sent, 0)
		wantCount(t, d, "stuck", Dropped, 3)
	})
}

// A sink that ignores its deadline too costs one goroutine and no more, and is told when it is back.
func TestSinkThatNeverReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		calls := 0
		deaf := &recorder{name: "deaf", notify: func(context.Context, Notice) (bool, error) {
			if calls++; calls == 1 {
				<-release
			}
			return false, nil
		}}
		d, stop := start(t, Options{}, deaf)
		d.Send(Notice{Title: "x"})
		pass(10 * time.Minute)
		if calls != 1 {
			t.Errorf("%d calls while the first has not returned", calls)
		}
		close(release)
		pass(2 * longestPause)
		wantCount(t, d, "deaf", Sent, 1)
		stop()
	})
}

func TestRetriesBackOffAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "down", notify: func(context.Context, Notice) (bool, error) { return true, errors.New("503") }}
		d, stop := start(t, Options{GiveUpAfter: 5 * time.Second}, r)
		begin := time.Now()
		d.Send(Notice{Title: "x"})
		pass(time.Hour)
		var at []string
		for _, c := range r.asked() {
			at = append(at, c.Sub(begin).String())
		}
		if got := strings.Join(at, " "); got != "0s 1s 3s 7s" {
			t.Errorf("attempts at %s", got)
		}
		wantCount(t, d, "down", Failed, 1)
		stop()
	})
}

type deferral struct{ time.Duration }

func (deferral) Error() string               { return "429" }
func (d deferral) RetryAfter() time.Duration { return d.Duration }

// A receiver may say for how long it wants to be left alone, within bounds.
func TestRetryAfter(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{90 * time.Second: 90 * time.Second, 24 * time.Hour: longestDeferral, 0: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			r := &recorder{name: "busy"}
			r.notify = func(context.Context, Notice) (bool, error) {
				if len(r.asked()) == 1 {
					return true, fmt.Errorf("refused: %w", deferral{asked})
				}
				return false, nil
			}
			d, stop := start(t, Options{}, r)
			d.Send(Notice{Title: "x"})
			pass(time.Hour)
			if got := r.asked()[1].Sub(r.asked()[0]); got != want {
				t.Errorf("asked for %v, tried again after %v, want %v", asked, got, want)
			}
			stop()
		})
	}
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
		d, stop := start(t, Options{}, r)
		d.Send(Notice{Title: "x"})
		pass(DefaultDeadline + firstPause)
		wantCount(t, d, "slow", Sent, 1)
		wantCount(t, d, "slow", Failed, 0)
		stop()
	})
}

func TestNoRetryWhenPointless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := &recorder{name: "refuse", notify: func(context.Context, Notice) (bool, error) { return false, errors.New("401") }}
		panics := &recorder{name: "panics", notify: func(context.Context, Notice) (bool, error) { panic("boom") }}
		core, logs := observer.New(zap.InfoLevel)
		d, stop := start(t, Options{Logger: zap.New(core)}, refuse, panics)
		d.Send(Notice{Title: "x", At: time.Now()})
		pass(time.Hour)
		if len(refuse.asked()) != 1 || len(panics.asked()) != 1 {
			t.Errorf("%d and %d attempts, want one each", len(refuse.asked()), len(panics.asked()))
		}
		wantCount(t, d, "refuse", Failed, 1)
		wantCount(t, d, "panics", Failed, 1)
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
		d, stop := start(t, Options{}, r)
		for i := range 3 {
			d.Send(Notice{Title: fmt.Sprint("last words ", i)})
		}
		stop()
		wantCount(t, d, "slow", Sent, 3)
	})
}

// What is told of one incident stays in order at a sink, whatever has to be tried again; other incidents do not wait for it.
func TestOrderWithinAnIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "chat"}
		r.notify = func(_ context.Context, n Notice) (bool, error) {
			if n.Title == "a1" && len(r.asked()) < 4 {
				return true, errors.New("not now")
			}
			return false, nil
		}
		d, stop := start(t, Options{}, r)
		for _, n := range []Notice{{Title: "a1", Incident: "a"}, {Title: "a2", Incident: "a", Severity: Page}, {Title: "b1", Incident: "b"}, {Title: "b2", Incident: "b"}} {
			d.Send(n)
		}
		pass(time.Minute)
		if got := r.told(); got != "b1 b2 a1 a2" {
			t.Errorf("told in the order %s", got)
		}
		stop()
	})
}

// The gravest is told first where several wait.
func TestPagesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		r := &recorder{name: "chat", notify: func(context.Context, Notice) (bool, error) {
			return true, map[bool]error{false: errors.New("down")}[up.Load()]
		}}
		d, stop := start(t, Options{}, r)
		for _, n := range []Notice{{Title: "i", Severity: Info}, {Title: "w", Severity: Warn}, {Title: "p", Severity: Page}} {
			d.Send(n)
		}
		pass(time.Minute)
		up.Store(true)
		pass(time.Minute)
		if got := r.told(); got != "p w i" {
			t.Errorf("told in the order %s", got)
		}
		stop()
	})
}

func TestSameNoticeTwiceIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "chat"}
		d, stop := start(t, Options{}, r)
		for range 3 {
			d.Send(Notice{ID: "one", Title: "told once"})
			d.Send(Notice{Title: "without an ID"})
		}
		stop()
		wantCount(t, d, "chat", Sent, 2)
	})
}

type people struct{}

func (people) Recipients(n Notice, roles []Role, medium string) (out []Recipient) {
	for _, r := range roles {
		out = append(out, Recipient{Role: r, Address: medium + ":" + n.Environment})
	}
	return out
}

func TestRoutesAndRecipients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		got := map[string][]Notice{}
		sink := func(name string) Sink {
			return &recorder{name: name, notify: func(_ context.Context, n Notice) (bool, error) {
				mu.Lock()
				defer mu.Unlock()
				got[name] = append(got[name], n)
				return false, nil
			}}
		}
		d, stop := start(t, Options{
			Directory: people{}, Receivers: []Receiver{{Sink: sink("chat"), Medium: "slack"}, {Sink: sink("pager")}},
			Routes: []Route{{Severities: []Severity{Page}, Sinks: []string{"pager", "chat"}, To: []Role{OnCall}}, {Kinds: []Kind{KindHealthy}, Sinks: []string{"chat"}}},
		})
		d.Send(Notice{Title: "bad", Severity: Page, Environment: "production"})
		d.Send(Notice{Title: "well", Severity: Info, Kind: KindHealthy})
		d.Send(Notice{Title: "nobody's", Severity: Info, Kind: KindOther})
		stop()
		if len(got["chat"]) != 2 || len(got["pager"]) != 1 || len(got["pager"][0].To) != 0 {
			t.Fatalf("got %+v", got)
		}
		if to := got["chat"][0].To; len(to) != 1 || to[0] != (Recipient{Role: OnCall, Address: "slack:production"}) {
			t.Errorf("for %+v", to)
		}
		if n := testutil.ToFloat64(d.opts.Metrics.unrouted.WithLabelValues("info")); n != 1 {
			t.Errorf("%v unrouted", n)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Options{Receivers: []Receiver{{Sink: &recorder{name: "a"}}, {Sink: &recorder{name: "a"}}}}); err == nil {
		t.Error("two sinks of one name were accepted")
	}
}

func TestCountersStartAtZero(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	if _, err := New(Options{Metrics: NewMetrics(reg), Receivers: []Receiver{{Sink: Log{Logger: zap.NewNop()}}}}); err != nil {
		t.Fatal(err)
	}
	if n, err := testutil.GatherAndCount(reg, "rollbackd_notifications_total"); err != nil || n != 3 {
		t.Errorf("%d series, %v; want 3", n, err)
	}
}
