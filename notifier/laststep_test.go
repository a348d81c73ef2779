package notifier

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// What was sent before the stop is delivered to every sink, however the goroutines are scheduled: without an outbox nobody would tell it later.
func TestWhatWasSentJustBeforeTheStopIsDelivered(t *testing.T) {
	for range 1000 {
		synctest.Test(t, func(t *testing.T) {
			var got atomic.Int32
			sink := func(name string) Sink {
				return &recorder{name: name, notify: func(context.Context, Notice) (bool, error) { got.Add(1); return false, nil }}
			}
			d, stop := start(t, Options{}, sink("a"), sink("b"))
			d.Send(Notice{Title: "bad", Severity: Page})
			stop()
			if got.Load() != 2 {
				t.Fatalf("%d of 2 sinks were told", got.Load())
			}
		})
		if t.Failed() {
			return
		}
	}
}
