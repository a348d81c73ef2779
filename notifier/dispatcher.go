package notifier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Dispatcher hands notices to its sinks, each through a queue and a goroutine of its own, so that a sink that hangs
// delays neither the caller nor another sink.
type Dispatcher struct {
	opts      Options
	lanes     []*lane
	recorder  Recorder
	incidents Incidents
	// inbox is what was sent and not looked at yet; wake says that there is something.
	mu      sync.Mutex
	inbox   []Notice
	looking int
	wake    chan struct{}
	idle    *sync.Cond
	// parcels are those in hand, by the ID of their notice, and recent the IDs that were seen lately.
	parcels map[string]*parcel
	recent  recent
	// settled are parcels of which something has become known that is to be stored.
	settled []*parcel
	// revived are dead letters that are to be tried once more.
	revived []*parcel

	// What follows belongs to the goroutine that takes notices in.
	unstored   map[string]bool
	outboxDown time.Time
	restored   bool
}

// New returns a Dispatcher; it delivers once Run is called, and queues until then.
func New(opts Options) (*Dispatcher, error) {
	opts = opts.withDefaults()
	d := &Dispatcher{
		opts: opts, wake: make(chan struct{}, 1), parcels: map[string]*parcel{}, unstored: map[string]bool{}, recent: newRecent(mostRecent),
	}
	d.idle = sync.NewCond(&d.mu)
	seen := map[string]bool{}
	for _, r := range opts.Receivers {
		name := r.Sink.Name()
		if seen[name] {
			return nil, fmt.Errorf("two sinks are named %q", name)
		}
		seen[name] = true
		opts.Metrics.start(name)
		d.lanes = append(d.lanes, newLane(d, r))
	}
	return d, nil
}

// Serve names who records what came of telling, and who knows which incidents are open; it is called before Run, if at all. Both are made
// of what sends notices, and so after the Dispatcher.
func (d *Dispatcher) Serve(r Recorder, i Incidents) { d.recorder, d.incidents = r, i }

// mostInbox is how many notices may wait to be looked at. They wait for no sink, but for the outbox at most.
const mostInbox = 10000

// Send takes a notice in and returns at once. A notice whose ID was sent before is told no second time.
func (d *Dispatcher) Send(n Notice) {
	n = n.bounded()
	d.mu.Lock()
	if n.ID == "" {
		n.ID = n.fingerprint()
	}
	full := len(d.inbox) >= mostInbox
	known := d.recent.seen(n.ID)
	if !full && !known {
		d.inbox = append(d.inbox, n)
	}
	d.mu.Unlock()
	if known {
		return
	}
	if full {
		d.opts.Logger.Error("a notice is dropped: too many wait", fields(n)...)
		return
	}
	d.poke()
}

func (d *Dispatcher) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Kept returns once all that was sent has been stored in the outbox, or was found not to be storable now, or ctx is done. Whoever is about to
// forget what a notice was made from waits for this.
func (d *Dispatcher) Kept(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.idle.Broadcast()
	})
	defer stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for (len(d.inbox) > 0 || d.looking > 0) && ctx.Err() == nil {
		d.idle.Wait()
	}
}

// Run delivers until ctx is done, then for at most Options.Grace what is still queued. What is left then stays in the outbox. It always
// returns nil.
func (d *Dispatcher) Run(ctx context.Context) error {
	// Deliveries outlive ctx by the grace period, so they run under a context of their own.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d.opts.Grace, cancel) })
	defer stop()
	if d.opts.Outbox != nil {
		d.restore(ctx)
	}
	var lanes, intake sync.WaitGroup
	stopIntake := make(chan struct{})
	intake.Go(func() { d.takeIn(work, stopIntake) })
	for _, l := range d.lanes {
		lanes.Go(func() { l.run(ctx, work) })
	}
	lanes.Wait()
	close(stopIntake)
	intake.Wait()
	return nil
}

// takeIn looks at what was sent, and stores what has become of it, until it is told to stop.
func (d *Dispatcher) takeIn(work context.Context, stop <-chan struct{}) {
	mending := time.NewTicker(outboxPause)
	defer mending.Stop()
	for {
		d.clearInbox(work)
		d.revive(work)
		select {
		case <-d.wake:
		case <-mending.C:
			d.mend(work)
		case <-stop:
			d.clearInbox(work)
			return
		}
	}
}

func (d *Dispatcher) clearInbox(work context.Context) {
	for {
		d.mu.Lock()
		sent, settled := d.inbox, d.settled
		d.inbox, d.settled = nil, nil
		d.looking = len(sent)
		d.mu.Unlock()
		stored := map[*parcel]bool{} // several sinks may have answered meanwhile, and one writing tells of all
		for _, p := range settled {
			if !stored[p] {
				stored[p] = true
				d.store(work, p)
			}
		}
		for _, n := range sent {
			d.look(work, n)
		}
		d.mu.Lock()
		d.looking = 0
		d.idle.Broadcast()
		d.mu.Unlock()
		if len(sent)+len(settled) == 0 {
			return
		}
	}
}

// looks reports whether something that was sent has not reached its lanes yet.
func (d *Dispatcher) looks() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.inbox) > 0 || d.looking > 0
}

// look hands a notice to the lanes that it is for, unless it was told before. It is stored first, so that no crash after it loses it.
func (d *Dispatcher) look(work context.Context, n Notice) {
	if d.lookUp(work, n.ID) {
		return
	}
	p := &parcel{Notice: n, Taken: time.Now(), To: Address(d.opts.Routes, n)}
	if len(p.To) == 0 {
		d.opts.Metrics.unrouted.WithLabelValues(string(n.Severity)).Inc()
	}
	d.mu.Lock()
	d.parcels[n.ID] = p
	d.mu.Unlock()
	d.store(work, p)
	d.takeUp(p)
}

// takeUp queues a parcel for the sinks that are still to be told. A sink that is no longer configured never will be.
func (d *Dispatcher) takeUp(p *parcel) {
	d.mu.Lock()
	d.recent.seen(p.Notice.ID)
	d.parcels[p.Notice.ID] = p
	pending := p.pending()
	d.mu.Unlock()
	if len(pending) == 0 && d.opts.Outbox == nil {
		d.forget(p)
	}
	for _, name := range pending {
		if i := slices.IndexFunc(d.lanes, func(l *lane) bool { return l.name() == name }); i >= 0 {
			d.lanes[i].take(p)
			continue
		}
		d.settle(delivered{parcel: p, sink: name, result: Failed, err: errors.New("no sink of this name is configured any more")})
	}
}

func (d *Dispatcher) forget(p *parcel) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.parcels, p.Notice.ID)
}

// delivered is what came of a parcel at a sink.
type delivered struct {
	parcel   *parcel
	sink     string
	result   Result
	err      error
	attempts int
	recorded bool
}

// settle notes what came of a parcel at a sink: in the metrics, the log, the record, and the outbox.
func (d *Dispatcher) settle(r delivered) {
	n := r.parcel.Notice
	d.opts.Metrics.total.WithLabelValues(r.sink, string(r.result)).Inc()
	detail := ""
	if r.err != nil {
		detail = oneLine(r.err.Error())
		d.opts.Logger.Warn("notice not delivered", append(fields(n), zap.String("sink", r.sink), zap.String("result", string(r.result)),
			zap.Int("attempts", r.attempts), zap.String("error", detail))...)
	}
	if d.recorder != nil && r.recorded && n.Watch != "" {
		d.recorder.Told(Delivery{Notice: n, Sink: r.sink, Result: r.result, Detail: detail, Attempts: r.attempts, At: time.Now()})
	}
	d.mu.Lock()
	if r.parcel.Results == nil {
		r.parcel.Results = map[string]Result{}
	}
	r.parcel.Results[r.sink] = r.result
	if r.result != Sent && detail != "" {
		if r.parcel.Errors == nil {
			r.parcel.Errors = map[string]string{}
		}
		r.parcel.Errors[r.sink] = detail
	}
	if d.opts.Outbox != nil {
		d.settled = append(d.settled, r.parcel)
	} else if len(r.parcel.pending()) == 0 {
		delete(d.parcels, n.ID)
	}
	d.mu.Unlock()
	d.poke()
}

func sortByTaken(all []*parcel) {
	slices.SortStableFunc(all, func(a, b *parcel) int {
		return cmp.Or(a.Taken.Compare(b.Taken), a.Notice.At.Compare(b.Notice.At), cmp.Compare(a.Notice.ID, b.Notice.ID))
	})
}
