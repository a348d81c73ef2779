package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// workload is the Deployment that runs the release.
func (w Watch) workload() rollback.Workload {
	if w.canary() != nil {
		return rollback.Workload{Namespace: w.Event.Namespace, Name: w.Event.Canary}
	}
	return rollback.Workload{Kind: rollback.KindNamed(string(w.Event.Kind)), Namespace: w.Event.Namespace, Name: w.Event.Workload}
}

// perform carries out one effect and returns its result as an input. An error means that nothing is known of the
// result and that trying again is safe.
func (a *actor) perform(ctx context.Context, want effect) (input, error) {
	switch want {
	case effectObserve:
		return a.observe(ctx)
	case effectBaseline:
		return a.baseline(ctx)
	case effectOpenIncident:
		id, err := a.opts.Names.Claim(ctx, a.watch.incidentPrefix()+time.Now().UTC().Format(incidentStamp), a.watch.Key)
		a.storage.report(err, time.Now())
		return incidentOpened{id: id}, err
	case effectPlan:
		return a.plan(ctx)
	case effectMigrate, effectFindMigration:
		return a.migrate(ctx, want == effectMigrate)
	case effectApply:
		return a.apply(ctx)
	case effectScale:
		result, detail, err := a.opts.Scale.ScaleUp(ctx, a.watch.scale.plan)
		return scaled{result: result, detail: detail}, err
	case effectCheckLanded:
		return a.checkLanded(ctx)
	case effectPlanPause:
		return a.planPause(ctx)
	case effectPause:
		return a.pauseRollout(ctx)
	case effectResume:
		return a.resumeRollout(ctx)
	}
	return nil, fmt.Errorf("there is no effect %q", want)
}

// incidentStamp is the runbook's form of a time in a name.
const incidentStamp = "20060102T150405Z"

// observe shows the workload from the cache, or live while the cache does not hold it.
func (a *actor) observe(ctx context.Context) (input, error) {
	snapshot, ok := a.opts.cached(a.watch)
	if !ok || a.watch.contradicts(snapshot) { // a cache that lags behind must not end a watch
		var err error
		snapshot, err = a.readSlowly(ctx, snapshot)
		if errors.Is(err, rollback.ErrNotFound) {
			return a.absent(ctx), nil
		}
		if err != nil {
			return a.unread(err)
		}
	}
	a.missing, a.refused = time.Time{}, time.Time{}
	in := observed{snapshot: snapshot}
	if a.watch.State == Pending {
		in.freezes = a.rules().Freezes
		in.past = a.pastOf(a.watch, snapshot)
		in.watchedBy = a.watcherOf(a.watch, snapshot)
		if refusal := a.watch.forbiddenClaim(snapshot); refusal != nil {
			a.tellPublisher(ctx, unauthorisedClaim(a.watch.Event, refusal))
		}
	}
	return in, nil
}

// unread notes since when the API server has been forbidding to read the workload. Other failures prove nothing, and
// break the row: an API server that starts may forbid everything for a moment. Only a watch that waits for its version ends by it.
func (a *actor) unread(err error) (input, error) {
	if !rollback.IsForbidden(err) {
		a.refused = time.Time{}
		return nil, err
	}
	if a.refused.IsZero() {
		a.refused = time.Now()
	}
	if a.watch.State != Pending || time.Since(a.refused) <= a.watch.Policy.SettleFor {
		return nil, err
	}
	return unreadable{since: a.refused, words: err.Error()}, nil
}

// absent notes since when the API server has been saying that the workload does not exist.
func (a *actor) absent(ctx context.Context) input {
	a.refused = time.Time{}
	if a.missing.IsZero() {
		a.missing = time.Now()
	}
	if a.watch.State == Pending && time.Since(a.missing) >= unknownAfter {
		name, field := a.watch.workload().Name, "workload"
		if a.watch.canary() != nil {
			field = "canary"
		}
		r := &event.Rejection{
			Code: event.CodeUnknownWorkload, Field: field, Value: event.Quote(name),
			Reason: fmt.Sprintf("the cluster has no %s %q in namespace %q", a.watch.workload().Kind, name, a.watch.Event.Namespace),
			Fix:    "check the names, and that rollbackd watches the cluster that you deployed to",
		}
		a.tellPublisher(ctx, r)
	}
	return missing{since: a.missing}
}

// tellPublisher publishes why an event that had been accepted is not watched after all. Nothing waits for it.
func (a *actor) tellPublisher(ctx context.Context, r *event.Rejection) {
	if err := a.opts.Reject.Reject(ctx, a.watch.Event.Target(), a.watch.StreamSeq, r); err != nil {
		a.log.Warn("the publisher could not be told why its event is not watched", zap.Error(err), zap.String("code", string(r.Code)))
	}
}

// baseline measures the known-good version before the deployment. Without one there is nothing to compare with, and
// an empty baseline says so.
func (a *actor) baseline(ctx context.Context) (input, error) {
	defer enter(ctx, a.opening.baselines, 1)()
	pin := a.watch.Pin
	span := analyzer.Span{From: pin.T0.Add(-a.watch.Policy.BaselineWindow), At: pin.T0}
	var out []analyzer.Baseline
	var refusal error
	answered := false
	for _, sig := range a.watch.Policy.Signals {
		if pin.Target == nil && sig.Labels.Pod != "" {
			out = append(out, analyzer.Baseline{Signal: sig.Name, From: span.From, To: span.At})
			continue
		}
		sub := a.watch.subject(a.watch.allPods(a.watch.predecessor()))
		base, err := a.opts.Sampler.Baseline(ctx, sig, sub, span)
		if none, refused := a.refusedBaseline(sig, span, err); refused {
			out, refusal = append(out, none), err
			continue
		}
		if err != nil {
			return nil, err
		}
		answered = answered || sig.FromMetrics()
		out = append(out, base)
	}
	if refusal != nil && !answered { // nothing is known yet, as where nobody answers
		return nil, refusal
	}
	return baselined{baselines: out}, nil
}

// restore folds the journal into the watch. An empty journal is that of a watch which was just accepted.
func (a *actor) restore(ctx context.Context) error {
	stored := a.watch
	w, last := stored.accepted(), uint64(0)
	again := retold{since: time.Now().Add(-retellFor)}
	err := a.readJournal(ctx, stored, func(seq uint64, data []byte) error {
		var e incident.Entry
		if err := json.Unmarshal(data, &e); err != nil {
			return fmt.Errorf("journal entry %d: %w", seq, err)
		}
		before := w
		w, last = w.apply(e), seq
		again.add(before, w, e)
		if !w.State.known() { // a later version has carried the watch on
			return fmt.Errorf("journal entry %d: it came to a state that this version does not know: %s", seq, event.Quote(string(w.State)))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the journal of %s: %w", w.Key, err)
	}
	if last == 0 && stored.begun() {
		return a.endLost(ctx, stored)
	}
	w.resumed = time.Now()
	a.watch, a.last = w, last
	a.publish()
	a.giveBack(w.Key)
	if last == 0 {
		return a.recordAcceptance(ctx)
	}
	a.sendAll(again.young) // a crash may have come before anybody was told
	if w.State.Final() && !stored.State.Final() {
		a.sendAll(again.end)
		a.keepTold(ctx)
	}
	if w.State == Watching {
		a.resolveEarlier(w)
	}
	a.crowds.again(w, time.Now())
	a.diagnoses.again(w)
	a.records.ask(w)
	return nil
}

func (a *actor) recordAcceptance(ctx context.Context) error {
	w := a.watch
	var mode Mode
	if len(w.Policy.Stages) > 0 {
		mode = w.Policy.Stages[0].Mode
	}
	entries := []incident.Entry{
		{Kind: incident.KindAccepted, Accepted: &incident.Accepted{
			Subject: w.Subject, StreamSeq: w.StreamSeq, Event: w.Document, Policy: w.Policy.Name, Mode: string(mode), Unannounced: w.Unannounced,
			Prometheus: a.rules().PrometheusPage,
		}},
		{Kind: incident.KindState, State: &incident.StateChange{To: string(Pending), Reason: "accepted"}},
	}
	for i := range entries {
		e := &entries[i]
		e.Version, e.Watch, e.At, e.Actor = incident.EntryVersion, w.Key, time.Now(), a.opts.actorName()
		if err := a.append(ctx, e); err != nil {
			return err
		}
		a.watch = a.watch.apply(*e)
	}
	a.publish()
	a.committed(ctx, w, entries)
	return nil
}

// accepted returns the watch as it was when it was accepted.
func (w Watch) accepted() Watch {
	return Watch{
		Format: w.Format, Key: w.Key, Subject: w.Subject, StreamSeq: w.StreamSeq, Document: w.Document, Event: w.Event,
		Policy: w.Policy, AcceptedAt: w.AcceptedAt, LogName: w.LogName, Unwatched: w.Unwatched, Unannounced: w.Unannounced, Order: w.Order,
		fold: fold{ordered: w.Order}, State: Pending, Since: w.AcceptedAt,
	}
}

// finish writes the last picture. A final watch needs no actor.
func (a *actor) finish(ctx context.Context) error {
	a.save(ctx)
	a.records.ask(a.watch)
	return nil
}
