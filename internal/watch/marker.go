package watch

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// Marks keeps an annotation on workloads.
type Marks interface {
	// Annotate gives a workload an annotation, or takes it away if the value is empty; rollback.ErrNotFound if it is gone.
	Annotate(ctx context.Context, w rollback.Workload, name, value string) error
	// Annotated lists the workloads of a kind in a namespace, or in all if it is empty, that carry an annotation.
	Annotated(ctx context.Context, kind rollback.Kind, namespace, name string) ([]rollback.Annotated, error)
}

const (
	// remarkAfter is how long after a failure a workload is marked again, or a namespace searched.
	remarkAfter = 15 * time.Second
	// lostGrace is how long a marked workload may be without a watch before its watch is lost: events that come again after
	// NATS lost its consumer make their watches anew.
	lostGrace = 30 * time.Second
	// effectMark counts marks that could not be written.
	effectMark effect = "mark"
)

// marker keeps the marks of the workloads as the open watches want them, behind everybody's back: a mark that cannot be
// written delays nothing.
type marker struct {
	*Supervisor
	name string
	wake chan struct{}

	mu sync.Mutex
	// due are the workloads to look at, by when.
	due map[rollback.Workload]time.Time
	searches
	// marked are the workloads that may carry our mark; missing since when the watches of marks have been looked for in vain,
	// and told those that people were told of.
	marked  map[rollback.Workload]bool
	missing map[string]time.Time
	told    map[string]bool
	strays
}

func newMarker(s *Supervisor) *marker {
	return &marker{
		Supervisor: s, name: markOf(s.opts.Instance), wake: make(chan struct{}, 1),
		due: map[rollback.Workload]time.Time{}, searches: newSearches(),
		marked: map[rollback.Workload]bool{}, missing: map[string]time.Time{}, told: map[string]bool{},
		strays: newStrays(),
	}
}

// look has the mark of a workload compared with what it should be; it never blocks.
func (m *marker) look(w rollback.Workload) {
	if m.opts.Marks == nil {
		return
	}
	m.mu.Lock()
	m.due[w] = time.Time{}
	m.wantAround(w)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// run keeps the marks until ctx ends.
func (m *marker) run(ctx context.Context) {
	if m.opts.Marks == nil {
		return
	}
	m.wantRules()
	for _, a := range m.open() {
		m.look(a.view.Load().workload())
	}
	ticker := time.NewTicker(minPause)
	defer ticker.Stop()
	for {
		m.wantRules()
		for _, w := range ready(m, m.due) {
			m.keep(ctx, w)
		}
		for _, at := range ready(m, m.search) {
			m.find(ctx, at)
			m.findPauses(ctx, at)
		}
		m.endStrays(ctx)
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		case <-ticker.C:
		}
	}
}

// ready takes what is due out of a list.
func ready[K comparable](m *marker, list map[K]time.Time) []K {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []K
	for _, key := range slices.Collect(maps.Keys(list)) {
		if !time.Now().Before(list[key]) {
			delete(list, key)
			out = append(out, key)
		}
	}
	return out
}

// keep marks a workload as its watches want it.
func (m *marker) keep(ctx context.Context, w rollback.Workload) {
	m.seePause(w)
	want := markFor(w, m.open())
	m.mu.Lock()
	marked := m.marked[w]
	m.mu.Unlock()
	if want == "" && !marked {
		return
	}
	// That a mark is there the cache can tell; that it is gone, it may tell of the time before it was written.
	if snapshot, ok := m.opts.Cache.Cached(w, nil); ok && want != "" && snapshot.Annotations[m.name] == want {
		m.note(w, true)
		return
	}
	switch err := m.opts.Marks.Annotate(ctx, w, m.name, want); {
	case ctx.Err() != nil:
	case err == nil || errors.Is(err, rollback.ErrNotFound):
		m.note(w, want != "" && err == nil)
	default:
		m.failed("the workload could not be marked", err, zap.String("workload", w.String()))
		if !rollback.IsForbidden(err) { // which it will be again
			later(m, m.due, w)
		}
	}
}

func (m *marker) note(w rollback.Workload, marked bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if marked {
		m.marked[w] = true
	} else {
		delete(m.marked, w)
	}
}

func (m *marker) failed(what string, err error, about zap.Field) {
	m.opts.Metrics.effectFailed(effectMark)
	m.opts.Log.Warn(what+"; a watch that NATS loses will not be missed", about, zap.Error(err))
}

// later has something looked at again, unless that is asked for already.
func later[K comparable](m *marker, list map[K]time.Time, key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, asked := list[key]; !asked {
		list[key] = time.Now().Add(remarkAfter)
	}
}

// find looks for marks. Those of watches that have ended are taken away, and those of watches that nobody knows are told of.
func (m *marker) find(ctx context.Context, at place) {
	found, err := m.opts.Marks.Annotated(ctx, at.kind, at.namespace, m.name)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		m.failed("no marks could be looked for", err, zap.String("namespace", at.namespace))
		switch {
		case !rollback.IsForbidden(err):
			later(m, m.search, at)
		case at.namespace == "":
			m.searchWhereWatchesAre(at.kind)
		}
		return
	}
	again := false
	for _, a := range found {
		again = m.judge(ctx, a) || again
	}
	if again {
		later(m, m.search, at)
	}
}

// judge decides what a mark means; again says that this is not known yet.
func (m *marker) judge(ctx context.Context, a rollback.Annotated) (again bool) {
	about := []zap.Field{zap.String("workload", a.Workload.String()), zap.String("mark", a.Value)}
	mk, ok := parseMark(a.Workload, a.Value)
	known, err := m.known(ctx, mk.key)
	switch {
	case !ok:
		m.opts.Log.Warn("a workload carries a mark that cannot be read; it is taken away", about...)
	case known:
	case ok && !slices.Contains(m.opts.Environments, mk.environment()):
		return false // of an environment that others watch
	case err != nil:
		m.opts.Log.Warn("it could not be looked up whose mark a workload carries", append(about, zap.Error(err))...)
		return true
	case time.Now().After(mk.until):
		m.opts.Log.Info("a workload carries the mark of a watch that ended long ago; it is taken away", about...)
	case m.recent(mk.key):
		return true
	default:
		m.tellLost(a.Workload, mk)
	}
	m.note(a.Workload, true)
	m.look(a.Workload)
	return false
}

// tellLost tells people, once, of a watch that is lost.
func (m *marker) tellLost(w rollback.Workload, mk mark) {
	m.mu.Lock()
	told := m.told[mk.key]
	m.told[mk.key] = true
	m.mu.Unlock()
	if told {
		return
	}
	m.opts.Log.Error("a watch is lost", zap.String("workload", w.String()), zap.String("watch", mk.key))
	m.opts.Metrics.watchLost()
	title, text := lostWatch(w, mk, m.opts.Instance)
	m.send(notifier.Notice{ID: noticeID("lost", mk.key), Kind: notifier.KindOther, At: time.Now(), Next: "Look at the service, and announce the release again with another id.", Severity: notifier.Page, Title: title, Text: text, Watch: mk.key,
		Environment: mk.environment(), Workload: w.String()})
}

// recent reports whether a watch has not been missed for long.
func (m *marker) recent(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	since, ok := m.missing[key]
	if !ok {
		since = time.Now()
		m.missing[key] = since
	}
	return time.Since(since) < lostGrace
}

// known reports whether the watch is one that runs or has ended here, or has ended by its journal. An open journal whose
// watch is not stored is one that nobody carries on.
func (m *marker) known(ctx context.Context, key string) (bool, error) {
	if key == "" {
		return false, nil
	}
	if _, ok := m.Get(key); ok {
		return true, nil
	}
	ended := false
	err := m.opts.Journal.Read(ctx, key, func(_ uint64, data []byte) error {
		var e incident.Entry
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		ended = ended || e.Kind == incident.KindState && State(e.State.To).Final()
		return nil
	})
	return ended, err
}
