package leader

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// lock tells the lead what becomes of the lease, and gives it back only when nothing is done under it any more. client-go
// gives it back as soon as it cannot be renewed, and by what it remembers, not by what it has just read: a process that
// was frozen would take the lease from the replica that leads now.
type lock struct {
	resourcelock.Interface
	lead *Lead

	mu     sync.Mutex
	holder string
}

func (l *lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err == nil {
		l.holds(record.HolderIdentity)
		l.lead.saw(record.HolderIdentity)
	}
	return record, raw, err
}

func (l *lock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(record, func() error { return l.Interface.Create(ctx, record) })
}

func (l *lock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if record.HolderIdentity == "" {
		if err := l.keeps(); err != nil {
			return err
		}
	}
	return l.write(record, func() error { return l.Interface.Update(ctx, record) })
}

func (l *lock) write(record resourcelock.LeaderElectionRecord, call func() error) error {
	sent := time.Now()
	if err := call(); err != nil {
		return err
	}
	l.holds(record.HolderIdentity)
	if record.HolderIdentity == l.Identity() {
		l.lead.renewedAt(sent)
	}
	return nil
}

// keeps returns why the lease is not to be given back.
func (l *lock) keeps() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.holder != l.Identity():
		return fmt.Errorf("the lease is not this replica's to give back: it is held by %q", l.holder)
	case !l.lead.releasable():
		return errors.New("the lease is kept until what runs under it has stopped")
	}
	return nil
}

func (l *lock) holds(holder string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holder = holder
}
