package watch

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// reviewEvery is how often it is looked whether somebody is to be reminded.
const reviewEvery = 30 * time.Second

// Numbers gives each incident's review its number.
type Numbers interface {
	// Take returns the owner's number, which is a new one, larger than above, when it asks first.
	Take(ctx context.Context, owner string, above uint64) (uint64, error)
	// Since is from when on numbers are given: what ended before has none.
	Since(ctx context.Context) (time.Time, error)
	// Note keeps the last step of a review of which people were told, Noted returns it.
	Note(ctx context.Context, number uint64, step int) error
	Noted(ctx context.Context, number uint64) (int, error)
}

// reviewer numbers the incidents that call for a review, and reminds people of those that are not done. It remembers only these; all
// of it is in the ledger, which the next process begins with.
type reviewer struct {
	*Supervisor
	mu sync.Mutex
	// open are the incidents whose review is to be done, by the key of their watch. Those that have ended just now have no number yet.
	open map[string]incident.Digest
	// told are the steps of which people were told, by number.
	told    map[uint64]int
	highest uint64
	since   time.Time
	wake    chan struct{}
}

func newReviewer(s *Supervisor) *reviewer {
	return &reviewer{Supervisor: s, open: map[string]incident.Digest{}, told: map[uint64]int{}, wake: make(chan struct{}, 1)}
}

// take takes up what the ledger has of an incident now. It never blocks for long.
func (r *reviewer) take(d incident.Digest) {
	r.mu.Lock()
	switch p := d.Postmortem; {
	case p != nil && p.DoneAt.IsZero(), p == nil && r.rules().Reviews.wants(d):
		r.open[d.Watch] = d
	default:
		delete(r.open, d.Watch)
	}
	if d.Postmortem != nil {
		r.highest = max(r.highest, d.Postmortem.Number)
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run looks after the reviews until ctx ends.
func (r *reviewer) run(ctx context.Context) {
	if r.opts.Numbers == nil {
		return
	}
	for r.load(ctx) != nil {
		if !sleep(ctx, maxPause) {
			return
		}
	}
	timer := time.NewTicker(reviewEvery)
	defer timer.Stop()
	for {
		r.look(ctx, now())
		select {
		case <-r.wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// load takes up what an earlier run left.
func (r *reviewer) load(ctx context.Context) error {
	since, err := r.opts.Numbers.Since(ctx)
	if err == nil {
		err = r.opts.Ledger.Each(ctx, []string{classIncident + ".>"}, 0, func(_ uint64, value []byte) error {
			if d, ok := decodeDigest(value); ok {
				r.take(d.Digest)
			}
			return nil
		})
	}
	if err != nil && ctx.Err() == nil {
		r.opts.Log.Warn("the reviews of incidents cannot be looked after yet", zap.Error(err), zap.Duration("again in", maxPause))
	}
	r.mu.Lock()
	r.since = since
	r.mu.Unlock()
	return err
}

// look numbers what has ended and reminds of what is due. What fails is tried again at the next look.
func (r *reviewer) look(ctx context.Context, now time.Time) {
	for _, d := range r.pending() {
		var err error
		if d.Postmortem == nil {
			err = r.number(ctx, d)
		} else {
			err = r.remind(ctx, d, now)
		}
		if err != nil && ctx.Err() == nil {
			r.opts.Log.Warn("an incident's review could not be looked after; trying again", zap.String("watch", d.Watch), zap.Error(err))
		}
	}
}

// pending are the reviews that are not done, in the order in which the incidents ended.
func (r *reviewer) pending() []incident.Digest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedFunc(maps.Values(r.open), func(a, b incident.Digest) int {
		return cmp.Or(a.Times.Ended.Compare(b.Times.Ended), cmp.Compare(a.Watch, b.Watch))
	})
}

// awaits reports whether the review of an incident is to be done or numbered.
func (r *reviewer) awaits(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, open := r.open[key]
	return open
}

// number gives an incident the number of its review. Killed anywhere in here, the next process comes to the same number.
func (r *reviewer) number(ctx context.Context, d incident.Digest) error {
	r.mu.Lock()
	highest, early := r.highest, d.Times.Ended.Before(r.since)
	if early { // it ended when reviews were not numbered
		delete(r.open, d.Watch)
	}
	r.mu.Unlock()
	if early {
		return nil
	}
	number, err := r.opts.Numbers.Take(ctx, d.Watch, highest)
	if err != nil {
		return err
	}
	return r.review(ctx, d.Watch, "postmortem", incident.Entry{Postmortem: &incident.Postmortem{Number: number, Due: r.rules().Reviews.due(d)}})
}

// remind tells people of the newest step that they were not told of. It is told before it is noted: after a crash in between it is
// told again, under the same ID.
func (r *reviewer) remind(ctx context.Context, d incident.Digest, now time.Time) error {
	number, step := d.Postmortem.Number, r.rules().Reviews.step(*d.Postmortem, now)
	told, known := r.told[number]
	if !known {
		var err error
		if told, err = r.opts.Numbers.Noted(ctx, number); err != nil {
			return err
		}
		r.told[number] = told
	}
	if step <= told {
		return nil
	}
	r.send(reminder(d, step, now))
	if err := r.opts.Numbers.Note(ctx, number, step); err != nil {
		return err
	}
	r.told[number] = step
	return nil
}

// review adds to the annex of an incident what became of its review, and to the ledger at once. Its watch may have been forgotten.
func (s *Supervisor) review(ctx context.Context, key, id string, e incident.Entry) error {
	e.Kind = incident.KindPostmortem
	w, known := s.Get(key)
	if !known {
		w = Watch{Key: key}
	}
	if err := s.annotate(ctx, key, id, e); err != nil {
		return err
	}
	if known {
		s.records.ask(w)
	}
	entries, err := s.opts.entriesOf(ctx, key)
	if err != nil {
		return err
	}
	w.Incident = cmp.Or(w.Incident, "known") // by which the ledger finds it: only incidents are reviewed
	return s.records.tally(ctx, w, entries)
}

// reviewed records that a review is done.
func (s *Supervisor) reviewed(ctx context.Context, in control.Asked) control.Reply {
	d, err := s.digestOf(ctx, in.Watch)
	switch {
	case err != nil:
		return control.Refuse(control.CodeBusy, "the ledger cannot be read now: %v", err)
	case d.Watch == "" || d.Environment != in.Target.Environment || d.Namespace != in.Target.Namespace || d.Workload != in.Target.Workload:
		return control.Refuse(control.CodeUnknown, "there is no incident of watch %s of %s/%s", event.Quote(in.Watch), in.Target.Namespace, in.Target.Workload)
	case d.Postmortem == nil && s.reviewer.awaits(d.Watch):
		return control.Refuse(control.CodeBusy, "the postmortem of %s has no number yet; ask again in a moment", d.Incident)
	case d.Postmortem == nil:
		return control.Refuse(control.CodeState, "the incident %s has no postmortem: it goes on, or none is called for", d.Incident)
	}
	done := incident.Postmortem{Number: d.Postmortem.Number, DoneAt: now(), Link: in.Link}
	err = s.review(ctx, d.Watch, "postmortem-done-"+in.ID, incident.Entry{Actor: in.By, Postmortem: &done})
	if err != nil {
		// The annex may have it although the ledger does not yet, or although the answer was lost.
		return control.Refuse(control.CodeBusy, "it is not known whether it was recorded; ask again: %v", err)
	}
	return control.Reply{OK: true, Watch: d.Watch, Message: d.Postmortem.Name() + " is done"}
}

// digestOf returns what the ledger has of an incident by the key of its watch; the zero value if it has nothing.
func (s *Supervisor) digestOf(ctx context.Context, key string) (found incident.Digest, err error) {
	if strings.ContainsAny(key, "*> ") { // which are no key, but would be found by
		return incident.Digest{}, nil
	}
	err = s.opts.Ledger.Each(ctx, []string{classIncident + "." + key}, 0, func(_ uint64, value []byte) error {
		if d, ok := decodeDigest(value); ok {
			found = d.Digest
		}
		return nil
	})
	return found, err
}

// reviewGauges show at the time of the scrape how many reviews are to be done.
type reviewGauges struct {
	reviewer *reviewer
	desc     *prometheus.Desc
}

// ReviewCollector returns the gauges of the reviews that are not done.
func (s *Supervisor) ReviewCollector() prometheus.Collector {
	return reviewGauges{s.reviewer, prometheus.NewDesc("rollbackd_postmortems",
		"Incidents whose review is not done: open those that have time left, overdue those that have none.", []string{"state"}, nil)}
}

// Describe implements prometheus.Collector.
func (g reviewGauges) Describe(ch chan<- *prometheus.Desc) { ch <- g.desc }

// Collect implements prometheus.Collector.
func (g reviewGauges) Collect(ch chan<- prometheus.Metric) {
	open, overdue := 0, 0
	for _, d := range g.reviewer.pending() {
		switch {
		case d.Postmortem == nil:
		case g.reviewer.rules().Reviews.step(*d.Postmortem, now()) >= stepOverdue:
			overdue++
		default:
			open++
		}
	}
	ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(open), "open")
	ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(overdue), "overdue")
}
