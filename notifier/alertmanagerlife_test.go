package notifier

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollbackd/rollbackd/internal/promtest"
)

// openIncidents are the notices of the incidents that are open.
type openIncidents struct {
	mu   sync.Mutex
	open []Notice
}

func (o *openIncidents) Open() []Notice {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open
}

func (o *openIncidents) set(open ...Notice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open = open
}

// watchedAlertmanager counts how often open incidents were sent again, and knows when that began last.
type watchedAlertmanager struct {
	*Alertmanager
	refreshed atomic.Int64
	last      atomic.Pointer[time.Time]
}

// Refresh implements Stateful.
func (w *watchedAlertmanager) Refresh(ctx context.Context, open []Notice) error {
	now := time.Now()
	err := w.Alertmanager.Refresh(ctx, open)
	if err == nil {
		w.last.Store(&now)
		w.refreshed.Add(1)
	}
	return err
}

// TestAlertLivesThroughARestart has the whole pipeline keep an alert at a real Alertmanager: over a restart of the daemon, for longer than the alert would
// last by itself, and until a notice that is only information says that the incident is over.
func TestAlertLivesThroughARestart(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the Alertmanager that make stack-programs builds")
	}
	url, _ := promtest.StartAlertmanager(t, "global: {resolve_timeout: 1s}\nroute: {receiver: none}\nreceivers: [{name: none}]\n")
	incidents, memory := &openIncidents{}, &notes{}
	const resend = time.Second // the least that the dispatcher keeps to
	var sink *watchedAlertmanager
	run := func() (d *Dispatcher, stop func()) {
		sink = &watchedAlertmanager{Alertmanager: NewAlertmanager(AlertmanagerOptions{Name: "am", URLs: []string{url}, Resend: resend, Memory: memory})}
		d, err := New(Options{
			Receivers: []Receiver{{Sink: sink}}, Routes: []Route{{Severities: []Severity{Warn, Page}, Sinks: []string{"am"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		d.Serve(nil, incidents)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		return d, func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
	}
	fires := func(want string) {
		t.Helper()
		promtest.Eventually(t, "the alerts are "+want, func(context.Context) error {
			if got := fmt.Sprint(severitiesOf(activeAlerts(t, url))); got != want {
				return fmt.Errorf("they are %s", got)
			}
			return nil
		})
	}

	first, stop := run()
	bad, grave := badRelease(), badRelease()
	bad.At, bad.StartedAt = time.Now(), time.Now().Add(-time.Second)
	grave.ID, grave.Severity, grave.StartedAt, grave.At = "w1.12", Page, bad.StartedAt, time.Now()
	incidents.set(bad)
	first.Send(bad)
	fires("[warning]")
	first.Send(grave)
	fires("[critical]")
	stop()

	// The watch tells of a lesser severity now, as where a budget's one page tells of all.
	second, stop := run()
	defer stop()
	began := time.Now()
	ticker := time.NewTicker(resend / 5)
	defer ticker.Stop()
	for sink.refreshed.Load() < heldResends+2 {
		<-ticker.C
		last := sink.last.Load()
		got := fmt.Sprint(severitiesOf(activeAlerts(t, url)))
		// An alert that was not sent again in time, on a machine that is busy, ends rightly; how often it is sent is for other tests.
		if inTime := last != nil && time.Since(*last) < heldResends*resend; inTime && got != "[critical]" {
			t.Fatalf("after %v the alerts are %s", time.Since(began), got)
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("after %v the alert was sent again %d times", time.Since(began), sink.refreshed.Load())
		}
	}
	incidents.set()
	over := bad
	over.ID, over.At, over.Kind, over.Severity, over.Open = "w1.30", time.Now(), KindResolved, Info, false
	second.Send(over)
	fires("[]")
}

func severitiesOf(alerts []map[string]string) []string {
	var out []string
	for _, a := range alerts {
		out = append(out, a["severity"])
	}
	return out
}
