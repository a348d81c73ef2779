package rollback

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
)

// WatcherOptions adjusts a Watcher; the zero value is usable.
type WatcherOptions struct {
	// Coalesce is how long changes of a workload are gathered before they are reported once; 200 ms if zero.
	Coalesce time.Duration
	// OnError is told, by namespace, of failed lists and watches; they are retried with growing pauses for as long as it
	// takes. It must not block. If nil, client-go logs them.
	OnError func(namespace string, err error)
	// VersionLabels are as in Options.
	VersionLabels VersionLabels
}

// Watcher keeps the workloads of interest, with their revisions, pods and Services, in memory and tells of changes. It watches
// one kind in one namespace at a time, from the first interest in them to the last, so that it needs no cluster-wide permissions.
// What it has may be old, above all while the API server is away: plans are made from Cluster.Read.
type Watcher struct {
	client  dynamic.Interface
	options WatcherOptions
	// wake tells Run that interest or changes have been noted; it holds one signal, more would say no more.
	wake chan struct{}

	mu       sync.Mutex
	onChange func(Workload)
	// interest holds the watched workloads by scope, caches the running informers, changed what to report.
	interest map[scope]map[Workload]bool
	caches   map[scope]*namespaceCache
	changed  map[Workload]bool
}

// scope is what is watched together: the workloads of one kind in one namespace. Who has no StatefulSets watched need not let
// rollbackd see them.
type scope struct {
	namespace string
	kind      Kind
}

func (w Workload) scope() scope { return scope{w.Namespace, w.Kind} }

// NewWatcher returns a Watcher that asks through client; nothing happens until Run is called.
func NewWatcher(client dynamic.Interface, options WatcherOptions) *Watcher {
	if options.Coalesce <= 0 {
		options.Coalesce = 200 * time.Millisecond
	}
	return &Watcher{
		client:   client,
		options:  options,
		wake:     make(chan struct{}, 1),
		onChange: func(Workload) {},
		interest: make(map[scope]map[Workload]bool),
		caches:   make(map[scope]*namespaceCache),
		changed:  make(map[Workload]bool),
	}
}

// OnChange sets the function that is told when a watched workload, or one of its revisions or pods, or of a Deployment any Service of
// its namespace, was added, changed or deleted, and once when the workload can first be read by Cached. Changes of the
// other colour of a switch are told only if that is watched too. It must not block, and it may call the
// Watcher's methods other than Run. Changes that come close together are told once.
func (w *Watcher) OnChange(fn func(Workload)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onChange = fn
}

// Watch takes an interest in a workload, until Forget, and waits until Cached can answer for it (for a switch that may be
// a moment later) or ctx ends. The interest stands even if ctx ends first, so a caller that does not care to wait passes a context that has ended.
func (w *Watcher) Watch(ctx context.Context, workload Workload) error {
	w.mu.Lock()
	if w.interest[workload.scope()] == nil {
		w.interest[workload.scope()] = make(map[Workload]bool)
	}
	w.interest[workload.scope()][workload] = true
	w.changed[workload] = true
	w.mu.Unlock()
	w.signal()
	err := wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(context.Context) (bool, error) {
		return w.synced(workload.scope()) != nil, nil
	})
	if err != nil {
		return fmt.Errorf("the caches of namespace %s are not filled yet: %w", workload.Namespace, err)
	}
	return nil
}

// Forget ends the interest in a workload. The last one of a kind in a namespace ends the watching of those.
func (w *Watcher) Forget(workload Workload) {
	w.mu.Lock()
	delete(w.interest[workload.scope()], workload)
	delete(w.changed, workload)
	if len(w.interest[workload.scope()]) == 0 {
		delete(w.interest, workload.scope())
	}
	w.mu.Unlock()
	w.signal()
}

// Cached returns a watched workload as it was last seen, with a switch if one is given; false if it is not watched, not
// filled yet or not there.
func (w *Watcher) Cached(workload Workload, sw *Switch) (Snapshot, bool) {
	w.mu.Lock()
	watched := w.interest[workload.scope()][workload]
	w.mu.Unlock()
	cache := w.synced(workload.scope())
	if !watched || cache == nil {
		return Snapshot{}, false
	}
	return cache.snapshot(workload, sw)
}

// Run watches until ctx ends, and returns when everything it started has stopped.
func (w *Watcher) Run(ctx context.Context) error {
	defer w.stopAll()
	flush := time.NewTimer(w.options.Coalesce)
	flush.Stop()
	waiting := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.wake:
			w.reconcile(ctx)
			if !waiting {
				flush.Reset(w.options.Coalesce)
				waiting = true
			}
		case <-flush.C:
			waiting = false
			w.report()
		}
	}
}

// reconcile starts and stops informers so that they match the interest. Only Run's goroutine calls it.
func (w *Watcher) reconcile(ctx context.Context) {
	w.mu.Lock()
	var idle []*namespaceCache
	for scope, cache := range w.caches {
		if len(w.interest[scope]) == 0 {
			delete(w.caches, scope)
			idle = append(idle, cache)
		}
	}
	var fresh []*namespaceCache
	for scope := range w.interest {
		if w.caches[scope] == nil {
			w.caches[scope] = newNamespaceCache(w, scope)
			fresh = append(fresh, w.caches[scope])
		}
	}
	w.mu.Unlock()
	// Informers call back into the Watcher, so that waiting for them with the lock held could wait for ever.
	for _, cache := range idle {
		cache.stop()
	}
	for _, cache := range fresh {
		if err := cache.start(ctx); err != nil {
			w.failed(cache.namespace, err)
		}
	}
}

func (w *Watcher) stopAll() {
	w.mu.Lock()
	caches := w.caches
	w.caches = make(map[scope]*namespaceCache)
	w.mu.Unlock()
	for _, cache := range caches {
		cache.stop()
	}
}

// report tells of the changes gathered so far.
func (w *Watcher) report() {
	w.mu.Lock()
	changed, tell := w.changed, w.onChange
	w.changed = make(map[Workload]bool)
	w.mu.Unlock()
	for workload := range changed {
		tell(workload)
	}
}

// note remembers that a workload changed, if anyone cares.
func (w *Watcher) note(workload Workload) {
	w.mu.Lock()
	watched := w.interest[workload.scope()][workload]
	if watched {
		w.changed[workload] = true
	}
	w.mu.Unlock()
	if watched {
		w.signal()
	}
}

// noteAll is for when a namespace's caches have been filled: before, Cached could not answer.
func (w *Watcher) noteAll(of scope) {
	w.mu.Lock()
	for workload := range w.interest[of] {
		w.changed[workload] = true
	}
	w.mu.Unlock()
	w.signal()
}

func (w *Watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// synced returns the scope's cache if it is filled.
func (w *Watcher) synced(of scope) *namespaceCache {
	w.mu.Lock()
	defer w.mu.Unlock()
	if cache := w.caches[of]; cache != nil && cache.hasSynced() {
		return cache
	}
	return nil
}

func (w *Watcher) failed(namespace string, err error) {
	if w.options.OnError != nil && !errors.Is(err, context.Canceled) {
		w.options.OnError(namespace, err)
	}
}
