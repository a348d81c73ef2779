package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds the world's side of the ports.

type (
	storeOf    struct{ *world }
	journalOf  struct{ *world }
	namesOf    struct{ *world }
	holdsOf    struct{ *world }
	clusterOf  struct{ *world }
	cacheOf    struct{ *world }
	samplerOf  struct{ *world }
	recordsOf  struct{ *world }
	tellerOf   struct{ *world }
	rejecterOf struct{ *world }
	ownersOf   struct{ *world }
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
	return j.each(ctx, fn, func() []record { return slices.Clone(j.journal[key]) })
}

func (j journalOf) ReadAll(ctx context.Context, key string, fn func(uint64, []byte) error) error {
	return j.each(ctx, fn, func() []record {
		all := slices.Concat(j.journal[key], j.annex[key])
		slices.SortFunc(all, func(a, b record) int { return cmp.Compare(a.seq, b.seq) })
		return all
	})
}

func (j journalOf) ReadFrom(ctx context.Context, key string, after uint64, fn func(uint64, []byte) error) error {
	return j.ReadAll(ctx, key, func(seq uint64, data []byte) error {
		if seq <= after {
			return nil
		}
		return fn(seq, data)
	})
}

func (j journalOf) each(ctx context.Context, fn func(uint64, []byte) error, of func() []record) error {
	var entries []record
	if err := j.call(ctx, "journal.read", func() error { entries = of(); return nil }); err != nil {
		return err
	}
	for _, e := range entries {
		if err := fn(e.seq, e.data); err != nil {
			return err
		}
	}
	return nil
}

func (j journalOf) Note(ctx context.Context, key, id string, data []byte) error {
	return j.call(ctx, "annex.note", func() error {
		if !slices.ContainsFunc(j.annex[key], func(e record) bool { return e.id == id }) {
			j.seq++
			j.annex[key] = append(j.annex[key], record{seq: j.seq, id: id, data: data})
		}
		return nil
	})
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

func (n namesOf) Owner(ctx context.Context, name string) (owner string, err error) {
	err = n.call(ctx, "names.owner", func() error { owner = n.names[name]; return nil })
	return owner, err
}

func (h holdsOf) Put(ctx context.Context, key string, value []byte) error {
	return h.call(ctx, "holds.put", func() error { h.held[key] = value; return nil })
}

func (h holdsOf) All(ctx context.Context, fn func(string, []byte) error) error {
	var all map[string][]byte
	if err := h.call(ctx, "holds.all", func() error { all = maps.Clone(h.held); return nil }); err != nil {
		return err
	}
	for key, value := range all {
		if err := fn(key, value); err != nil {
			return err
		}
	}
	return nil
}

// Preview likes everything.
func (c clusterOf) Preview(ctx context.Context, _ rollback.Plan) (string, error) {
	return "", c.call(ctx, "cluster.preview", func() error { return nil })
}

func (c clusterOf) Read(ctx context.Context, wl rollback.Workload, _ *rollback.Switch) (s rollback.Snapshot, err error) {
	err = c.call(ctx, "cluster.read", func() error {
		if s = c.live; s.UID == "" {
			return rollback.ErrNotFound
		}
		return nil
	})
	return s, err
}

// Inspect finds what the world says is missing.
func (c clusterOf) Inspect(ctx context.Context, _ rollback.Pin, s rollback.Snapshot) (rollback.Snapshot, error) {
	err := c.call(ctx, "cluster.inspect", func() error {
		s.Inspected = &rollback.Inspection{Missing: c.missing}
		return nil
	})
	return s, err
}

// ReadCanary shows what is live as a canary beside shop/checkout v1.
func (c clusterOf) ReadCanary(ctx context.Context, wl rollback.Workload, canary rollback.Canary) (rollback.Snapshot, error) {
	s, err := c.Read(ctx, wl, nil)
	if err != nil {
		return s, err
	}
	return asCanary(s, canary), nil
}

func (c cacheOf) CachedCanary(wl rollback.Workload, canary rollback.Canary) (rollback.Snapshot, bool) {
	s, ok := c.Cached(wl, nil)
	return asCanary(s, canary), ok
}

// Apply is the real one's compare-and-swap.
func (c clusterOf) Apply(ctx context.Context, p rollback.Plan, id string) (result rollback.Result, detail string, err error) {
	err = c.call(ctx, "cluster.apply", func() error {
		switch {
		case c.landed(p, id):
			result = rollback.Landed
		case c.live.UID != p.WorkloadUID:
			result = rollback.Failed
		case c.live.Paused && c.live.OwnPause == nil:
			result = rollback.Superseded
		case c.live.Revision != p.FromRevision || !rollback.TemplatesEqual(c.live.Template, p.FromTemplate):
			result = rollback.Superseded
		case p.Canary != nil && !p.Canary.Undo:
			c.patches = append(c.patches, id)
			c.live.Replicas, c.live.Status, c.live.Pods = 0, rollback.Status{ObservedGeneration: 2}, nil
			c.live.Annotations = map[string]string{rollback.IntentAnnotation: id}
			result = rollback.Landed
		default:
			c.patches = append(c.patches, id)
			c.live.Template, c.live.Revision, c.live.Live = p.ToTemplate, "3", nil
			if c.live.Status.UpdatedReplicas = c.live.Status.Replicas; c.live.Paused {
				c.resumes("rollback")
			}
			c.live.Annotations = map[string]string{rollback.IntentAnnotation: id}
			result = rollback.Landed
		}
		detail = "said the fake"
		return nil
	})
	return result, detail, err
}

func (c clusterOf) landed(p rollback.Plan, id string) bool {
	if p.Canary != nil && !p.Canary.Undo {
		return c.live.Annotations[rollback.IntentAnnotation] == id && c.live.Replicas == 0
	}
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

func (c cacheOf) Cached(rollback.Workload, *rollback.Switch) (rollback.Snapshot, bool) {
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
			if sub.Release.PodPrefix == "checkout-v2-" {
				bad = s.errorsIn
			}
			for range sub.Spans {
				out[sub.Key] = append(out[sub.Key], analyzer.Measurement{
					Samples: 4, Pods: map[string]analyzer.Counts{sub.Release.PodPrefix + "a": {N: 100, K: bad}},
				})
			}
		}
		return nil
	})
	return out, err
}

func (s samplerOf) Around(context.Context, analyzer.Signal, *analyzer.Dependencies, analyzer.Suspicion) (analyzer.Around, error) {
	return analyzer.Around{}, nil
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

// Send loses what a process that has died would have said, where that is what a test is about.
func (s tellerOf) Send(n notifier.Notice) {
	if s.sendsAreCalls && s.ask("tell.send", false) != nil {
		return
	}
	s.mu.Lock()
	s.notices = append(s.notices, n)
	s.mu.Unlock()
	if s.sendsAreCalls {
		_ = s.ask("tell.send", true)
	}
}

func (tellerOf) Kept(context.Context) {}

func (r rejecterOf) Reject(_ context.Context, _ event.Target, _ uint64, why *event.Rejection) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rejected = append(r.rejected, why)
	return nil
}
