package notifier

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// memoryOutbox keeps parcels as a server would; down makes it fail or hang.
type memoryOutbox struct {
	mu      sync.Mutex
	parcels map[string][]byte
	told    map[string]bool
	dead    map[string][]byte
	down    func(ctx context.Context) error
}

func newMemoryOutbox() *memoryOutbox {
	return &memoryOutbox{parcels: map[string][]byte{}, told: map[string]bool{}, dead: map[string][]byte{}}
}

func (o *memoryOutbox) do(ctx context.Context, what func()) error {
	o.mu.Lock()
	down := o.down
	o.mu.Unlock()
	if down != nil {
		return down(ctx)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	what()
	return nil
}

func (o *memoryOutbox) breaks(down func(ctx context.Context) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = down
}

func (o *memoryOutbox) Told(ctx context.Context, id string) (told bool, err error) {
	err = o.do(ctx, func() { told = o.told[id] })
	return told, err
}

func (o *memoryOutbox) Store(ctx context.Context, id string, parcel []byte) error {
	return o.do(ctx, func() { o.parcels[id] = parcel })
}

func (o *memoryOutbox) Done(ctx context.Context, id string, dead []byte) error {
	return o.do(ctx, func() {
		o.told[id] = true
		if dead != nil {
			o.dead[id] = dead
		}
		delete(o.parcels, id)
	})
}

func (o *memoryOutbox) All(ctx context.Context, fn func(string, []byte) error) error {
	var all map[string][]byte
	if err := o.do(ctx, func() { all = maps.Clone(o.parcels) }); err != nil {
		return err
	}
	for id, p := range all {
		if err := fn(id, p); err != nil {
			return err
		}
	}
	return nil
}

func (o *memoryOutbox) Dead(ctx context.Context, fn func(string, []byte) error) error {
	var all map[string][]byte
	if err := o.do(ctx, func() { all = maps.Clone(o.dead) }); err != nil {
		return err
	}
	for id, p := range all {
		if err := fn(id, p); err != nil {
			return err
		}
	}
	return nil
}

func (o *memoryOutbox) Forget(ctx context.Context, id string) error {
	return o.do(ctx, func() { delete(o.dead, id) })
}

func (o *memoryOutbox) counts() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprintf("%d left, %d told, %d dead", len(o.parcels), len(o.told), len(o.dead))
}

// What is told is told no second time, by this process or a later one, and leaves nothing behind.
func TestToldOnceOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outbox, r := newMemoryOutbox(), &recorder{name: "chat"}
		for range 3 {
			d, stop := start(t, Options{Outbox: outbox}, r)
			d.Send(Notice{ID: "one", Title: "one"})
			d.Send(Notice{ID: "one", Title: "one"})
			pass(time.Second)
			stop()
		}
		if r.told() != "one" || outbox.counts() != "0 left, 1 told, 0 dead" {
			t.Errorf("told %q; %s", r.told(), outbox.counts())
		}
	})
}

// A process that stops while a receiver is away leaves what it has to tell to the next one, which tells only those who have not got it, in order.
func TestTheNextProcessTellsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outbox, up := newMemoryOutbox(), &recorder{name: "up"}
		down := &recorder{name: "down", notify: func(context.Context, Notice) (bool, error) { return true, errors.New("503") }}
		d, stop := start(t, Options{Outbox: outbox}, up, down)
		for i := range 5 {
			d.Send(Notice{ID: fmt.Sprint("n", i), Title: fmt.Sprint(i), Watch: "w"})
			pass(time.Millisecond)
		}
		pass(30 * time.Second)
		stop()
		if outbox.counts() != "5 left, 0 told, 0 dead" {
			t.Fatal(outbox.counts())
		}
		back := &recorder{name: "down"}
		_, stop = start(t, Options{Outbox: outbox}, up, back)
		pass(time.Second)
		stop()
		if up.told() != "0 1 2 3 4" || back.told() != "0 1 2 3 4" || outbox.counts() != "0 left, 5 told, 0 dead" {
			t.Errorf("up got %q, the other one %q; %s", up.told(), back.told(), outbox.counts())
		}
	})
}

// A page goes out while the outbox does not answer, within the time that it is given, and those after it at once. It is stored when the outbox is back.
func TestTheOutboxIsNotWaitedFor(t *testing.T) {
	for name, down := range map[string]func(ctx context.Context) error{
		"hangs":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"refuses": func(context.Context) error { return errors.New("no responders") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				outbox, r := newMemoryOutbox(), &recorder{name: "pager"}
				stuck := &recorder{name: "stuck", notify: func(context.Context, Notice) (bool, error) { return true, errors.New("503") }}
				outbox.breaks(down)
				begin := time.Now()
				d, stop := start(t, Options{Outbox: outbox}, r, stuck)
				for i := range 50 {
					d.Send(Notice{ID: fmt.Sprint(i), Title: fmt.Sprint(i), Severity: Page})
				}
				pass(20 * time.Second)
				asked := r.asked()
				if len(asked) != 50 {
					t.Fatalf("%d of 50 told", len(asked))
				}
				if last := asked[49].Sub(begin); last > 3*outboxPatience {
					t.Errorf("the last one was told after %v", last)
				}
				outbox.breaks(nil)
				pass(2 * outboxPause)
				if outbox.counts() != "50 left, 0 told, 0 dead" {
					t.Errorf("for the sink that is away: %s", outbox.counts())
				}
				stop()
			})
		})
	}
}

// What a receiver will never take is kept for people to find, and is told no more.
func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outbox := newMemoryOutbox()
		refuses := &recorder{name: "refuses", notify: func(context.Context, Notice) (bool, error) { return false, errors.New("403") }}
		for range 2 {
			d, stop := start(t, Options{Outbox: outbox}, refuses, &recorder{name: "chat"})
			d.Send(Notice{ID: "one", Title: "one"})
			pass(time.Second)
			stop()
		}
		if len(refuses.asked()) != 1 || outbox.counts() != "0 left, 1 told, 1 dead" {
			t.Errorf("%d attempts; %s", len(refuses.asked()), outbox.counts())
		}
		gone := newMemoryOutbox()
		d, stop := start(t, Options{Outbox: gone, Routes: []Route{{Sinks: []string{"removed", "chat"}}}}, &recorder{name: "chat"})
		d.Send(Notice{ID: "two", Title: "to a sink that the configuration no longer has"})
		pass(time.Second)
		stop()
		if gone.counts() != "0 left, 1 told, 1 dead" {
			t.Error(gone.counts())
		}
	})
}

// Whoever forgets what a notice is made from waits until it is kept, and no longer than they want to.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outbox := newMemoryOutbox()
		d, stop := start(t, Options{Outbox: outbox}, &recorder{name: "stuck", notify: hang})
		d.Send(Notice{ID: "one", Title: "one"})
		d.Kept(t.Context())
		if outbox.counts() != "1 left, 0 told, 0 dead" {
			t.Error(outbox.counts())
		}
		outbox.breaks(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		d.Send(Notice{ID: "two", Title: "two"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		d.Kept(ctx)
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("waited for %v", waited)
		}
		stop()
	})
}

type recorded struct {
	mu   sync.Mutex
	list []Delivery
}

func (t *recorded) Told(d Delivery) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = append(t.list, d)
}

type incidents []Notice

func (i incidents) Open() []Notice { return i }

// stateful is a sink that is told again.
type stateful struct {
	recorder
	refreshed [][]Notice
}

func (s *stateful) Every() time.Duration { return time.Minute }

func (s *stateful) Refresh(_ context.Context, open []Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refreshed = append(s.refreshed, open)
	return nil
}

// A receiver that forgets is told at the start and then at its pace which incidents are open: of each the newest notice that is for it.
func TestOpenIncidentsAreToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stateful{recorder: recorder{name: "alerts"}}
		d, err := New(Options{Receivers: []Receiver{{Sink: s}}, Routes: []Route{{Severities: []Severity{Warn, Page}, Sinks: []string{"alerts"}}}})
		if err != nil {
			t.Fatal(err)
		}
		d.Serve(&recorded{}, incidents{
			{Title: "a begins", Incident: "a", Severity: Warn, Open: true}, {Title: "b begins", Incident: "b", Severity: Page, Open: true},
			{Title: "a goes on", Incident: "a", Severity: Page, Open: true}, {Title: "b, an aside", Incident: "b", Severity: Info, Open: true},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		pass(150 * time.Second)
		cancel()
		<-done
		if len(s.refreshed) != 3 {
			t.Fatalf("refreshed %d times", len(s.refreshed))
		}
		for _, open := range s.refreshed {
			if len(open) != 2 || open[0].Title != "a goes on" || open[1].Title != "b begins" || open[0].Message == "" {
				t.Errorf("open: %+v", open)
			}
		}
	})
}

// What came of each delivery is recorded, of those that are about a watch.
func TestDeliveriesAreRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "chat"}
		r.notify = func(_ context.Context, n Notice) (bool, error) {
			switch {
			case n.Title == "refused":
				return false, errors.New("no\nsuch channel")
			case len(r.asked()) == 1:
				return true, errors.New("503")
			}
			return false, nil
		}
		d, err := New(Options{Receivers: []Receiver{{Sink: r}, {Sink: &recorder{name: "quiet"}, Unrecorded: true}}})
		if err != nil {
			t.Fatal(err)
		}
		record := &recorded{}
		d.Serve(record, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		for _, n := range []Notice{{ID: "1", Title: "tried twice", Watch: "w"}, {ID: "2", Title: "refused", Watch: "w"}, {ID: "3", Title: "of no watch"}} {
			d.Send(n)
		}
		pass(time.Minute)
		cancel()
		<-done
		var got []string
		for _, r := range record.list {
			got = append(got, fmt.Sprintf("%s %s %s %d %s", r.Notice.ID, r.Sink, r.Result, r.Attempts, r.Detail))
		}
		want := []string{"1 chat sent 2 ", "2 chat failed 1 no such channel"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("recorded %q, want %q", got, want)
		}
	})
}
