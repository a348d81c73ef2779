package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// fluxPatience is how long the controllers may take to act on what Flux has applied before a workload is passed over.
const fluxPatience = 10 * time.Minute

// acceptFlux begins a watch of each workload whose containers an object of Flux has changed. That an object was reconciled and
// nothing changed is the normal case, and so is an event that comes again.
func (s *Supervisor) acceptFlux(ctx context.Context, from Source, m Published) error {
	applied, err := event.DecodeFlux(m.Data)
	if err != nil {
		return err
	}
	if r := event.CheckAge(event.Event{Timestamp: applied.At}, now(), s.window()); r != nil {
		return r
	}
	shown, failed := s.brought(ctx, from, applied)
	for _, seen := range s.readAll(ctx, shown) {
		failed = errors.Join(failed, s.acceptApplied(ctx, from, applied, seen, m))
	}
	return failed // of many workloads one may be in trouble; the others have begun
}

// applicant is a workload that Flux may have changed.
type applicant struct {
	sighting
	err error
}

// brought lists the workloads that carry the object's labels and may run something new. An error is about those that could not
// be listed.
func (s *Supervisor) brought(ctx context.Context, from Source, applied event.Flux) (out []applicant, failed error) {
	for _, namespace := range from.Namespaces {
		for _, kind := range from.Kinds {
			found, err := s.opts.Labelled.Labelled(ctx, kind, namespace, applied.Labels())
			failed = errors.Join(failed, err)
			for _, shown := range found {
				if seen, ok := s.mayBeNew(from, shown); ok {
					out = append(out, applicant{sighting: seen})
				}
			}
		}
	}
	return out, failed
}

// mayBeNew tells without asking the API server which workloads need to be looked at.
func (s *Supervisor) mayBeNew(from Source, shown rollback.Snapshot) (sighting, bool) {
	t := event.Target{Environment: from.Environment, Namespace: shown.Workload.Namespace, Workload: shown.Workload.Name}
	policy, _ := ChoosePolicy(s.rules().Policies, event.Event{Environment: t.Environment, Namespace: t.Namespace, Workload: t.Workload})
	if policy == nil || isOld(shown, policy.End(), now()) {
		return sighting{}, false
	}
	known := s.matching(func(w *Watch) bool { return w.shownAs() == t && w.workload() == shown.Workload })
	return sighting{target: t, policy: *policy, snapshot: shown, known: known}, !follows(known, shown)
}

// readsAtOnce is how many workloads are read at the same time: an event has some seconds, and an object of Flux may have hundreds.
const readsAtOnce = 8

// readAll reads the workloads with their revisions and pods.
func (s *Supervisor) readAll(ctx context.Context, all []applicant) []applicant {
	var reading errgroup.Group
	reading.SetLimit(readsAtOnce)
	for i := range all {
		reading.Go(func() error {
			all[i].snapshot, all[i].err = s.opts.Cluster.Read(ctx, all[i].snapshot.Workload, nil)
			return nil
		})
	}
	_ = reading.Wait() // every workload has an error of its own
	return all
}

// acceptApplied begins the watch of one workload, if something new runs there.
func (s *Supervisor) acceptApplied(ctx context.Context, from Source, applied event.Flux, seen applicant, m Published) error {
	if errors.Is(seen.err, rollback.ErrNotFound) { // deleted since it was listed
		return nil
	}
	if seen.err != nil {
		return seen.err
	}
	about := []zap.Field{zap.String("source", from.Name), zap.String("workload", seen.snapshot.Workload.String())}
	found := seen.unknown(now())
	switch {
	case !found.again.IsZero() && now().Sub(applied.At) < fluxPatience:
		return fmt.Errorf("%s: %w", seen.snapshot.Workload, errNotYet)
	case !found.again.IsZero():
		s.opts.Log.Warn("what Flux has applied still does not run, and is not watched", append(about, zap.Duration("after", fluxPatience))...)
		return nil
	case !found.unannounced:
		return nil
	}
	document, err := seen.documentOf(found.introduced, from, applied, m)
	if err != nil {
		return err
	}
	err = s.Accept(ctx, Published{Subject: seen.target.Subject(), Data: document, Seq: m.Seq})
	var rejection *event.Rejection
	if errors.As(err, &rejection) { // it is about one workload, and must not keep the others from being watched
		s.opts.Log.Warn("what Flux has applied cannot be watched", append(about, zap.Error(err))...)
		return nil
	}
	return err
}

// isOld reports whether the newest rollout ended too long ago to be watched.
func isOld(shown rollback.Snapshot, window time.Duration, now time.Time) bool {
	at := shown.ProgressedAt()
	return !at.IsZero() && now.Sub(at) > window && shown.ObservedGeneration >= shown.Generation
}

// follows reports whether one of the watches is open and follows what runs now.
func follows(known []Watch, shown rollback.Snapshot) bool {
	for _, w := range known {
		if !w.State.Final() && w.Pin != nil && rollback.ContainersEqual(w.Pin.Release.Template, shown.Template) {
			return true
		}
	}
	return false
}

// documentOf makes up the event that a deploy tool would have published, with what Flux said in it. The same release has the same id in
// every process and however often Flux tells of it, so that it gets one watch.
func (s sighting) documentOf(in rollback.Introduction, from Source, applied event.Flux, m Published) ([]byte, error) {
	said := fluxDocument{
		Event: event.Event{
			ID: fmt.Sprintf("flux-%s-%s", s.snapshot.UID, in.Revision), Timestamp: in.At.UTC(),
			Environment: s.target.Environment, Namespace: s.target.Namespace, Workload: s.target.Workload,
			Kind: event.Kind(s.snapshot.Workload.Kind.String()), Version: s.snapshot.Version(), Commit: applied.Commit, Operator: operator(applied),
		},
		Source: sourceNote{Name: from.Name, Subject: m.Subject, Revision: applied.Revision, Event: m.Data},
	}
	document, err := json.Marshal(said)
	if err == nil && len(document) > event.MaxPayload { // the event is as large as one may be
		said.Source.Event = nil
		document, err = json.Marshal(said)
	}
	return document, err
}

// fluxDocument is a made-up event, and beside its fields whence it comes.
type fluxDocument struct {
	event.Event
	Source sourceNote `json:"announcedBy"`
}

type sourceNote struct {
	Name     string `json:"source"`
	Subject  string `json:"subject"`
	Revision string `json:"revision,omitempty"`
	// Event is the document as published.
	Event json.RawMessage `json:"event,omitempty"`
}

// operator names the object of Flux, as far as there is room for it.
func operator(applied event.Flux) string {
	name := applied.String()
	return name[:min(len(name), event.MaxText)]
}
