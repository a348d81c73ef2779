package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is everything outside of the daemon, in memory: what outlives a process, and failures on demand. It runs
// under synctest, so that minutes pass in no time.
type world struct {
	t  *testing.T
	t0 time.Time

	mu      sync.Mutex
	stored  map[string][]byte
	journal map[string][]record
	seq     uint64
	names   map[string]string
	// live is what the cluster runs, patches the intents whose patch changed it.
	live    rollback.Snapshot
	patches []string
	// lag, if set, is what the cache shows instead of what is live.
	lag *rollback.Snapshot
	// samples are the signals' subjects of each query; errorsIn is what fraction of the release's requests fail, in per cent.
	samples  [][]analyzer.Subject
	errorsIn uint64
	written  map[string]Watch
	notices  []notifier.Notice
	rejected []*event.Rejection
	// fail, if set, is asked about every call, one at a time, before it is carried out and after: an error is what the
	// caller gets.
	fail   func(call string, done bool) error
	asking sync.Mutex
}

type record struct {
	seq  uint64
	id   string
	data []byte
}

// newWorld is a cluster in which shop/checkout v2 has just replaced v1; a fifth of its requests fail.
func newWorld(t *testing.T) *world {
	w := &world{
		t: t, t0: time.Now().UTC(), errorsIn: 20, stored: map[string][]byte{}, journal: map[string][]record{},
		names: map[string]string{}, written: map[string]Watch{},
	}
	w.deploy("v2", "2")
	return w
}

// deploy has the cluster run a version.
func (w *world) deploy(version, revision string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live = clusterShows(version)
	w.live.Revision = revision
	w.live.Revisions = []rollback.Revision{revisionOf("v2", "2", w.t0), revisionOf("v1", "1", w.t0.Add(-time.Hour))}
	if version == "v2" {
		w.live.Live = &w.live.Revisions[0]
	}
}

// call runs one call of a port, unless it is to fail before or after.
func (w *world) call(ctx context.Context, name string, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.ask(name, false); err != nil {
		return err
	}
	w.mu.Lock()
	err := do()
	w.mu.Unlock()
	if late := w.ask(name, true); late != nil {
		return late
	}
	return err
}

func (w *world) ask(name string, done bool) error {
	w.asking.Lock()
	defer w.asking.Unlock()
	if w.fail == nil {
		return nil
	}
	return w.fail(name, done)
}

func (w *world) failing(fail func(call string, done bool) error) {
	w.asking.Lock()
	defer w.asking.Unlock()
	w.fail = fail
}

func (w *world) options() Options {
	policy := testPolicy()
	return Options{
		Instance: "test", Policies: []Policy{policy}, Store: storeOf{w}, Journal: journalOf{w}, Names: namesOf{w},
		Cluster: clusterOf{w}, Cache: cacheOf{w}, Sampler: samplerOf{w}, Records: recordsOf{w}, Tell: tellerOf{w}, Reject: rejecterOf{w},
		Metrics: NewMetrics(prometheus.NewRegistry()), Log: zap.NewNop(),
	}
}

type (
	storeOf    struct{ *world }
	journalOf  struct{ *world }
	namesOf    struct{ *world }
	clusterOf  struct{ *world }
	cacheOf    struct{ *world }
	samplerOf  struct{ *world }
	recordsOf  struct{ *world }
	tellerOf   struct{ *world }
	rejecterOf struct{ *world }
)

func (s storeOf) Create(ctx context.Context, key string, value []byte) error {
	return s.call(ctx, "store.create", func() error {
		if _, taken := s.stored[key]; taken {
			return ErrExists
		}
		s.stored[key] = value
		return nil
	})
}

func (s storeOf) Put(ctx context.Context, key string, value []byte) error {
	return s.call(ctx, "store.put", func() error { s.stored[key] = value; return nil })
}

func (s storeOf) Get(ctx context.Context, key string) (value []byte, err error) {
	err = s.call(ctx, "store.get", func() error {
		value = s.stored[key]
		if value == nil {
			return errors.New("no such key")
		}
		return nil
	})
	return value, err
}

func (s storeOf) All(ctx context.Context, fn func(string, []byte) error) error {
	var all map[string][]byte
	if err := s.call(ctx, "store.all", func() error { all = maps.Clone(s.stored); return nil }); err != nil {
		return err
	}
	for key, value := range all {
		if err := fn(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (j journalOf) Append(ctx context.Context, key, id string, data []byte, last uint64) (seq uint64, err error) {
	err = j.call(ctx, "journal.append", func() error {
		entries := j.journal[key]
		var newest record
		if len(entries) > 0 {
			newest = entries[len(entries)-1]
		}
		switch {
		case newest.seq == last:
			j.seq++
			seq = j.seq
			j.journal[key] = append(entries, record{seq: seq, id: id, data: data})
		case newest.id == id:
			seq = newest.seq
		default:
			return ErrFenced
		}
		return nil
	})
	return seq, err
}

func (j journalOf) Read(ctx context.Context, key string, fn func(uint64, []byte) error) error {
	var entries []record
	if err := j.call(ctx, "journal.read", func() error { entries = append(entries, j.journal[key]...); return nil }); err != nil {
		return err
	}
	for _, e := range entries {
		if err := fn(e.seq, e.data); err != nil {
			return err
		}
	}
	return nil
}

func (n namesOf) Claim(ctx context.Context, base, owner string) (name string, err error) {
	err = n.call(ctx, "names.claim", func() error {
		name = base
		for i := 2; n.names[name] != "" && n.names[name] != owner; i++ {
			name = fmt.Sprintf("%s-%d", base, i)
		}
		n.names[name] = owner
		return nil
	})
	return name, err
}

func (c clusterOf) Read(ctx context.Context, wl rollback.Workload) (s rollback.Snapshot, err error) {
	err = c.call(ctx, "cluster.read", func() error {
		if s = c.live; s.UID == "" {
			return rollback.ErrNotFound
		}
		return nil
	})
	return s, err
}

// Apply is the real one's compare-and-swap.
func (c clusterOf) Apply(ctx context.Context, p rollback.Plan, id string) (result rollback.Result, detail string, err error) {
	err = c.call(ctx, "cluster.apply", func() error {
		switch {
		case c.landed(p, id):
			result = rollback.Landed
		case c.live.UID != p.WorkloadUID:
			result = rollback.Failed
		case c.live.Revision != p.FromRevision || !rollback.TemplatesEqual(c.live.Template, p.FromTemplate):
			result = rollback.Superseded
		default:
			c.patches = append(c.patches, id)
			c.live.Template, c.live.Revision, c.live.Live = p.ToTemplate, "3", nil
			c.live.Annotations = map[string]string{rollback.IntentAnnotation: id}
			result = rollback.Landed
		}
		detail = "said the fake"
		return nil
	})
	return result, detail, err
}

func (c clusterOf) landed(p rollback.Plan, id string) bool {
	return c.live.Annotations[rollback.IntentAnnotation] == id && rollback.TemplatesEqual(c.live.Template, p.ToTemplate)
}

func (c clusterOf) Landed(ctx context.Context, p rollback.Plan, id string) (landed bool, err error) {
	err = c.call(ctx, "cluster.landed", func() error {
		if c.live.UID == "" {
			return rollback.ErrNotFound
		}
		landed = c.landed(p, id)
		return nil
	})
	return landed, err
}

func (cacheOf) Watch(rollback.Workload)  {}
func (cacheOf) Forget(rollback.Workload) {}

func (c cacheOf) Cached(rollback.Workload) (rollback.Snapshot, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lag != nil {
		return *c.lag, true
	}
	return c.live, c.live.UID != ""
}

func (s samplerOf) Sample(ctx context.Context, _ analyzer.Signal, subjects []analyzer.Subject) (map[string][]analyzer.Measurement, error) {
	out := map[string][]analyzer.Measurement{}
	err := s.call(ctx, "sampler.sample", func() error {
		s.samples = append(s.samples, subjects)
		for _, sub := range subjects {
			bad := uint64(1)
			if sub.PodPrefix == "checkout-v2-" {
				bad = s.errorsIn
			}
			for range sub.Spans {
				out[sub.Key] = append(out[sub.Key], analyzer.Measurement{
					Samples: 4, Pods: map[string]analyzer.Counts{sub.PodPrefix + "a": {N: 100, K: bad}},
				})
			}
		}
		return nil
	})
	return out, err
}

func (s samplerOf) Baseline(ctx context.Context, sig analyzer.Signal, _ analyzer.Subject, span analyzer.Span) (b analyzer.Baseline, err error) {
	err = s.call(ctx, "sampler.baseline", func() error {
		b = analyzer.Baseline{Signal: sig.Name, From: span.From, To: span.At, Counts: analyzer.Counts{N: 10000, K: 100}}
		return nil
	})
	return b, err
}

func (r recordsOf) Write(w Watch, _ []incident.Entry) error {
	return r.call(context.Background(), "records.write", func() error { r.written[w.Key] = w; return nil })
}

func (s tellerOf) Send(n notifier.Notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notices = append(s.notices, n)
}

func (r rejecterOf) Reject(_ context.Context, _ event.Target, _ uint64, why *event.Rejection) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rejected = append(r.rejected, why)
	return nil
}

// process is one run of the daemon in the world.
type process struct {
	*Supervisor
	stop func()
}

// run starts a process; it ends with stop, and at the latest with the test.
func (w *world) run(edits ...func(*Options)) *process {
	w.t.Helper()
	opts := w.options()
	for _, edit := range edits {
		edit(&opts)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	p := &process{Supervisor: New(opts)}
	var running sync.WaitGroup
	p.stop = func() { cancel(); running.Wait() }
	w.t.Cleanup(p.stop)
	require.NoError(w.t, p.Load(ctx))
	running.Go(func() { _ = p.Run(ctx) })
	return p
}

// document is the event of a deployment of shop/checkout, dated now.
func (w *world) document(edits ...string) Published {
	return published(w.t0, edits...)
}

// await lets time pass until the process's only watch is in a state, and returns the watch.
func (w *world) await(p *process, state State) Watch {
	w.t.Helper()
	var seen State
	for range 4000 {
		if all := p.Watches(); len(all) > 0 {
			if seen = all[0].State; seen == state {
				return all[0]
			}
			require.False(w.t, seen.Final(), "ended %s: %s", seen, all[0].Reason)
		}
		time.Sleep(250 * time.Millisecond)
	}
	w.t.Fatalf("still %s and not %s", seen, state)
	return Watch{}
}

// inBubble runs a test in a bubble of its own time.
func inBubble(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) { test(newWorld(t)) })
}
