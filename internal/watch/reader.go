package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rollbackd/rollbackd/internal/incident"
)

const (
	// readAgainAfter is how old what a Reader shows may be: pages ask again and again, and for several things each time.
	readAgainAfter = 2 * time.Second
	// readAnewAfter is when a Reader forgets what it has read and begins anew: storage that was lost and made again counts from one.
	readAnewAfter = 10 * time.Minute
	// followAtOnce is how many journals are read at the same time, followFor how long those of open watches are read for one answer. A watch that was not
	// reached is shown as its picture has it, without the newest numbers, and the next answer goes on from there.
	followAtOnce = 8
	followFor    = 5 * time.Second
)

// Pictures are the newest pictures of watches.
type Pictures interface {
	// Since calls fn with the newest value of each key that changed after the revision; zero is before all.
	Since(ctx context.Context, revision uint64, fn func(key string, value []byte, revision uint64) error) error
}

// Reader shows watches by what is stored of them, and changes nothing. It is for a replica that does not lead: whoever asks it is told what the leader would
// say, as of a few seconds ago, also while nobody leads.
type Reader struct {
	Shelf
	pictures Pictures

	// refreshing is held while something is read, and guards what is not shown.
	refreshing  sync.Mutex
	begun, read time.Time

	// mu is held while something of known is put in place or shown.
	mu    sync.RWMutex
	known *known
}

// known is what was read.
type known struct {
	revision uint64
	open     map[string]followed
	ended    map[string]Watch
	// strange are stored watches that this version cannot read.
	strange map[string]bool
}

// followed is an open watch as far as its journal was read.
type followed struct {
	watch Watch
	last  uint64
}

// NewReader returns a Reader that has read nothing yet.
func NewReader(pictures Pictures, shelf Shelf) *Reader {
	return &Reader{Shelf: shelf, pictures: pictures, known: nothing()}
}

func nothing() *known {
	return &known{open: map[string]followed{}, ended: map[string]Watch{}, strange: map[string]bool{}}
}

// Refresh reads what was stored since it was called last, unless that is a moment ago. An error leaves what was known.
func (r *Reader) Refresh(ctx context.Context, now time.Time) error {
	r.refreshing.Lock()
	defer r.refreshing.Unlock()
	if !r.read.IsZero() && now.Sub(r.read) < readAgainAfter {
		return nil
	}
	next := r.known
	if now.Sub(r.begun) > readAnewAfter {
		next = nothing() // and what was known is shown until all of it is read
	}
	err := r.pictures.Since(ctx, next.revision, func(key string, value []byte, revision uint64) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		next.take(key, value, revision)
		return nil
	})
	if err != nil {
		r.begun = time.Time{} // pictures come in no order, so that some of before the last revision may be missing
		return err
	}
	r.followAll(ctx, next)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known != next {
		r.known, r.begun = next, now
	}
	r.read = now
	return nil
}

// take takes in a picture. Of an open watch that is followed the journal tells more.
func (k *known) take(key string, value []byte, revision uint64) {
	k.revision = max(k.revision, revision)
	w, err := decode(value)
	switch {
	case err != nil:
		k.strange[key] = true
		delete(k.open, key)
	case w.State.Final():
		delete(k.open, key)
		k.ended[key] = w.epitome()
	case k.open[key].last == 0:
		k.open[key] = followed{watch: w}
	}
}

// followAll reads on in the journals of all open watches.
func (r *Reader) followAll(ctx context.Context, k *known) {
	ctx, cancel := context.WithTimeout(ctx, followFor)
	defer cancel()
	slots := make(chan struct{}, followAtOnce)
	var reading sync.WaitGroup
	defer reading.Wait()
	for key, f := range r.following(k) {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		reading.Go(func() {
			defer func() { <-slots }()
			f = r.follow(ctx, f)
			r.mu.Lock()
			defer r.mu.Unlock()
			k.open[key] = f
		})
	}
}

func (r *Reader) following(k *known) map[string]followed {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return maps.Clone(k.open)
}

// follow folds what is new in the journal of a watch, as its actor does. What could not be read is read the next time.
func (r *Reader) follow(ctx context.Context, f followed) followed {
	on := f
	if f.last == 0 {
		on.watch = f.watch.accepted()
	}
	err := r.Annex.ReadFrom(ctx, f.watch.Key, f.last, func(seq uint64, data []byte) error {
		var e incident.Entry
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		on = followed{watch: on.watch.apply(e), last: seq}
		return nil
	})
	if err != nil && f.last == 0 || on.last == 0 || !on.watch.State.known() {
		return f // a beginning alone tells less than the picture
	}
	return on
}

// Watches returns all watches, the newest first.
func (r *Reader) Watches() []Watch {
	r.mu.RLock()
	out := make([]Watch, 0, len(r.known.open)+len(r.known.ended))
	for _, f := range r.known.open {
		out = append(out, f.watch)
	}
	for _, w := range r.known.ended {
		out = append(out, w)
	}
	r.mu.RUnlock()
	slices.SortFunc(out, func(a, b Watch) int { return cmp.Or(b.AcceptedAt.Compare(a.AcceptedAt), cmp.Compare(a.Key, b.Key)) })
	return out
}

// Get returns one watch.
func (r *Reader) Get(key string) (Watch, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if f, ok := r.known.open[key]; ok {
		return f.watch, true
	}
	w, ok := r.known.ended[key]
	return w, ok
}

// Unreadable is how many stored watches this version cannot read, as when a later one leads. They are shown nowhere.
func (r *Reader) Unreadable() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.known.strange)
}
