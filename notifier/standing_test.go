package notifier

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// People see what waits and why, and what was given up; and can have that tried once more, at the sinks that were not told only.
func TestWhatWasNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outbox, up := newMemoryOutbox(), &recorder{name: "up"}
		type answer struct {
			again bool
			err   error
		}
		var now atomic.Pointer[answer]
		down := &recorder{name: "down", notify: func(context.Context, Notice) (bool, error) { return now.Load().again, now.Load().err }}
		now.Store(&answer{true, errors.New("502\nbad gateway")})
		d, stop := start(t, Options{Outbox: outbox}, up, down)
		d.Send(Notice{ID: "one", Title: "first", Watch: "w", Workload: "shop/a", Severity: Page})
		d.Send(Notice{ID: "two", Title: "second", Watch: "w", Severity: Page})
		pass(2500 * time.Millisecond)
		waiting := d.Waiting()
		if len(waiting) != 2 || waiting[0].State != Trying || waiting[0].Attempts != 2 || waiting[0].Error != "502 bad gateway" || waiting[0].Workload != "shop/a" ||
			waiting[0].Sink != "down" || waiting[1].State != Queued {
			t.Errorf("waiting are %+v", waiting)
		}
		if dead, err := d.Dead(t.Context()); err != nil || len(dead) != 0 {
			t.Errorf("dead are %v, %v", dead, err)
		}

		now.Store(&answer{false, errors.New("404")})
		pass(time.Minute)
		dead, err := d.Dead(t.Context())
		if err != nil || len(dead) != 2 || dead[0].State != Dead || dead[0].Error != "404" || dead[0].Sink != "down" || len(d.Waiting()) != 0 {
			t.Fatalf("dead are %+v, %v", dead, err)
		}

		now.Store(&answer{})
		n, err := d.Retry(t.Context(), func(s Standing) bool { return s.ID == "one" })
		if n != 1 || err != nil {
			t.Errorf("%d are tried once more, %v", n, err)
		}
		pass(time.Second)
		if outbox.counts() != "0 left, 2 told, 1 dead" {
			t.Error(outbox.counts())
		}
		if n, err = d.Retry(t.Context(), func(Standing) bool { return true }); n != 1 || err != nil {
			t.Errorf("%d are tried once more, %v", n, err)
		}
		pass(time.Second)
		stop()
		if up.told() != "first second" || outbox.counts() != "0 left, 2 told, 0 dead" {
			t.Errorf("the one that was told got %q; %s", up.told(), outbox.counts())
		}
	})
}

// A dead letter that is tried once more and refused again is a dead letter again.
func TestADeadLetterMayDieAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outbox := newMemoryOutbox()
		down := &recorder{name: "down", notify: func(context.Context, Notice) (bool, error) { return false, errors.New("404") }}
		d, stop := start(t, Options{Outbox: outbox}, down)
		d.Send(Notice{ID: "one", Title: "first"})
		pass(time.Second)
		for range 3 {
			if n, err := d.Retry(t.Context(), func(Standing) bool { return true }); n != 1 || err != nil {
				t.Errorf("%d are tried once more, %v", n, err)
			}
			pass(time.Second)
		}
		stop()
		if outbox.counts() != "0 left, 1 told, 1 dead" {
			t.Error(outbox.counts())
		}
	})
}
