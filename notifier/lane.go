package notifier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// lane tells one sink what its queue says, one message at a time.
type lane struct {
	*Dispatcher
	Receiver
	wake chan struct{}

	mu    sync.Mutex
	queue queue
	// waiting are the parcels of the queue's notices, by their ID.
	waiting map[string]*parcel

	// hung is closed once a call returns that did not by its deadline; nil if none is out.
	hung chan struct{}
}

func newLane(d *Dispatcher, r Receiver) *lane {
	l := &lane{Dispatcher: d, Receiver: r, wake: make(chan struct{}, 1), waiting: map[string]*parcel{}}
	rate := r.Rate
	if rate.Messages <= 0 || rate.Within <= 0 {
		rate = Rate{Messages: 1 << 20, Within: time.Second}
	}
	l.queue = queue{group: r.Group, most: d.opts.Queue, bucket: newBucket(rate)}
	return l
}

func (l *lane) name() string { return l.Sink.Name() }

// take queues a parcel's notice in the form that is for this sink.
func (l *lane) take(p *parcel) {
	n := p.Notice
	if l.opts.Directory != nil && l.Medium != "" {
		n.To = l.opts.Directory.Recipients(n, p.To[l.name()], l.Medium)
	}
	l.mu.Lock()
	l.waiting[n.ID] = p
	over := l.queue.add(n, p.Taken, time.Now())
	l.mu.Unlock()
	if over != nil {
		l.end([]*item{over}, Dropped, errors.New("too many notices wait for this sink"))
	}
	l.measure()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// The pace of the end: a lane that is to stop looks every lastLook whether anything is still to come, and leaves to the next run what could only be
// told after longestLast.
const (
	lastLook    = 20 * time.Millisecond
	longestLast = 2 * time.Second
)

// run delivers until ctx is done, and then what can be delivered while work lasts.
func (l *lane) run(ctx, work context.Context) {
	refresh := l.refresher()
	defer refresh.stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		ending := ctx.Err() != nil
		coming := l.looks() // before the step, which delivers what has come by then
		wait := l.step(work)
		if ending {
			if work.Err() != nil || !coming && (wait == 0 || wait > longestLast && l.opts.Outbox != nil) {
				l.leave()
				return
			}
			wait = min(max(wait, lastLook), 10*lastLook)
		}
		timer.Reset(wait)
		if wait == 0 {
			timer.Stop()
		}
		select {
		case <-l.wake:
		case <-timer.C:
		case <-refresh.due():
			refresh.call(work)
		case <-done(ctx, ending):
		case <-work.Done():
		}
	}
}

// done is the channel of a context of which it was not seen that it has ended; else it is none, because whoever waits need not be told again.
func done(ctx context.Context, seen bool) <-chan struct{} {
	if seen {
		return nil
	}
	return ctx.Done()
}

// step delivers what is due, and returns for how long there is nothing to do; zero means until something is added.
func (l *lane) step(work context.Context) time.Duration {
	for work.Err() == nil {
		l.mu.Lock()
		batch, wait := l.queue.next(time.Now())
		l.mu.Unlock()
		if batch == nil {
			return wait
		}
		l.deliver(work, batch)
	}
	return 0
}

func (l *lane) deliver(work context.Context, batch []*item) {
	n := batch[0].notice
	if len(batch) > 1 {
		var all []Notice
		for _, it := range batch {
			one := it.notice
			one.Message = Message(one)
			all = append(all, one)
		}
		n = grouped(all, l.opts.Link)
	}
	n.Message = l.Template.render(n)
	l.mu.Lock()
	for _, it := range batch {
		it.attempts++
	}
	l.mu.Unlock()
	began := time.Now()
	retry, err := l.attempt(work, func(ctx context.Context) (bool, error) { return l.Sink.Notify(ctx, n) })
	l.opts.Metrics.duration.WithLabelValues(l.name()).Observe(time.Since(began).Seconds())
	switch {
	case err == nil:
		l.end(batch, Sent, nil)
	case !retry:
		l.end(batch, Failed, err)
	case work.Err() == nil || !errors.Is(err, context.Canceled): // else the process ends, and the next one tries again
		l.putOff(batch, err)
	}
	l.measure()
}

// putOff has a batch tried again later, and ends what was tried for too long.
func (l *lane) putOff(batch []*item, err error) {
	var after time.Duration
	if d, ok := errors.AsType[Deferral](err); ok {
		after = d.RetryAfter()
	}
	l.mu.Lock()
	for _, it := range batch {
		it.refused = oneLine(err.Error())
	}
	dead := l.queue.failed(batch, after, l.opts.GiveUpAfter, time.Now())
	l.mu.Unlock()
	l.opts.Metrics.retries.WithLabelValues(l.name()).Inc()
	l.opts.Logger.Info("a sink did not take a notice; it is tried again", zap.String("sink", l.name()), zap.String("notice", oneLine(batch[0].notice.ID)),
		zap.Int("attempts", batch[0].attempts), zap.String("error", oneLine(err.Error())))
	l.settleAll(dead, Failed, err)
}

// end settles items that need no further attempt.
func (l *lane) end(batch []*item, result Result, err error) {
	l.mu.Lock()
	if result == Dropped {
		l.queue.remove(batch...)
	} else {
		l.queue.done(batch)
	}
	l.mu.Unlock()
	l.settleAll(batch, result, err)
}

// settleAll settles items that the queue no longer has.
func (l *lane) settleAll(batch []*item, result Result, err error) {
	for _, it := range batch {
		l.mu.Lock()
		p := l.waiting[it.notice.ID]
		delete(l.waiting, it.notice.ID)
		l.mu.Unlock()
		if p != nil { // else it was dropped while it was being delivered
			l.settle(delivered{parcel: p, sink: l.name(), result: result, err: err, attempts: it.attempts, recorded: !l.Unrecorded})
		}
	}
}

// leave ends the lane: what is left stays in the outbox, or is lost where there is none.
func (l *lane) leave() {
	if l.opts.Outbox != nil {
		return
	}
	l.mu.Lock()
	left := slices.Clone(l.queue.items)
	l.queue.items = nil
	l.mu.Unlock()
	l.end(left, Dropped, errors.New("the daemon stops"))
}

// overdue is how long after its deadline a call may return before it is taken to hang.
const overdue = 2 * time.Second

// errHung is a sink that ignores its deadline.
var errHung = errors.New("the sink has not returned from an earlier call, although its deadline is long over")

// attempt calls the sink once. A sink that panics has failed like any other: it must not take down a daemon that may
// be in the middle of a rollback. One that does not return is left alone until it does, so that it costs one goroutine at most.
func (l *lane) attempt(work context.Context, call func(context.Context) (bool, error)) (retry bool, err error) {
	if l.hung != nil {
		select {
		case <-l.hung:
			l.hung = nil
		default:
			return true, errHung
		}
	}
	ctx, cancel := context.WithTimeout(work, l.opts.Deadline)
	returned := make(chan struct{})
	var inRetry bool
	var inErr error
	go func() {
		defer close(returned)
		defer cancel()
		defer func() {
			if p := recover(); p != nil {
				inRetry, inErr = false, fmt.Errorf("the sink panicked: %v", p)
			}
		}()
		inRetry, inErr = call(ctx)
	}()
	late := time.NewTimer(l.opts.Deadline + overdue)
	defer late.Stop()
	select {
	case <-returned:
		return inRetry, inErr
	case <-late.C:
	case <-afterwards(work):
	}
	l.hung = returned
	return true, errHung
}

// afterwards is done a moment after a context is.
func afterwards(ctx context.Context) <-chan struct{} {
	out := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(overdue/2, func() { close(out) }) })
	return out
}

// measure shows how much waits, and since when.
func (l *lane) measure() {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := time.Time{}
	for _, it := range l.queue.items {
		if oldest.IsZero() || it.arrived.Before(oldest) {
			oldest = it.arrived
		}
	}
	l.opts.Metrics.queued(l.name(), len(l.queue.items), oldest)
}
