package leader

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// errEnded is what an old lead answers once its term is over.
var errEnded = errors.New("the term of this replica is over")

// Lead is one term of this replica, from acquiring the lease to losing it. It says whether something may be begun now.
//
// It is a guard, not the fence. A process can be held up after it has asked, so whatever it does must be a compare-and-swap
// that another leader's doing makes fail.
type Lead struct {
	identity string
	// deadline is how long after a renewal something may still be begun. It is shorter than the lease, so that what is begun
	// has time to end before another replica may lead.
	deadline time.Duration

	mu sync.Mutex
	// renewed is when the newest renewal that succeeded was sent, zero before the first.
	renewed time.Time
	// over is why the term has ended, nil while it lasts.
	over error
	// lost is closed when the term ends.
	lost chan struct{}
	// idle is set once nothing of the term runs any more, so that the lease may be given back.
	idle bool
}

func newLead(identity string, deadline time.Duration) *Lead {
	return &Lead{identity: identity, deadline: deadline, lost: make(chan struct{})}
}

// Err returns why nothing may be begun; nil while the lease was renewed recently enough.
func (l *Lead) Err() error { return l.errAt(time.Now()) }

func (l *Lead) errAt(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over != nil:
		return l.over
	case l.renewed.IsZero():
		return errors.New("this replica does not lead")
	}
	if age := elapsed(l.renewed, now); age > l.deadline {
		return fmt.Errorf("the lease was last renewed %s ago, longer than renewDeadline (%s)", age.Round(time.Millisecond), l.deadline)
	}
	return nil
}

// elapsed is how long ago something was, by the clock that says more. The monotonic clock cannot be set back; it may stand
// still while the machine sleeps, which the wall clock shows.
func elapsed(since, now time.Time) time.Duration {
	return max(now.Sub(since), now.Round(0).Sub(since.Round(0)))
}

// renewedAt notes a renewal by when it was sent, because nobody knows when it arrived.
func (l *Lead) renewedAt(sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewed = sent
}

// saw notes who holds the lease. Another holder ends the term at once.
func (l *Lead) saw(holder string) {
	l.mu.Lock()
	leads := !l.renewed.IsZero()
	l.mu.Unlock()
	if leads && holder != "" && holder != l.identity {
		l.end(fmt.Errorf("the lease is held by %s", holder))
	}
}

// end ends the term, for the first reason given.
func (l *Lead) end(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over == nil {
		l.over = why
		close(l.lost)
	}
}

// rest says that nothing of the term runs any more.
func (l *Lead) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = true
}

// releasable reports whether the lease may be given back to the others.
func (l *Lead) releasable() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.idle
}
