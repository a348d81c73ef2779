package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/mask"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// Options is what a Supervisor works with. All ports are required.
type Options struct {
	// Instance is the daemon's instance name; it signs the journal.
	Instance string
	Policies []Policy
	// Environments are those that deployments are watched of which nobody announced.
	Environments []string
	// Budgets bound automatic rollbacks; those of a policy take the place of the ones here, but for the cluster's. What is
	// zero has its default.
	Budgets Budgets
	// Drills say where bad versions may be deployed on purpose; the zero value is nowhere.
	Drills Drills
	// Freezes are the times in which nothing should be deployed.
	Freezes []Freeze
	Store   Store
	Journal Journal
	Annex   Annex
	Ledger  Ledger
	// Reviews say which incidents are reviewed; Numbers may be nil, and then none is.
	Reviews Reviews
	Numbers Numbers
	Names   Names
	Cluster Cluster
	Preview Previewer
	Scale   Scaler
	Cache   Cache
	Owners  Owners
	// Clock is that of what Sampler asks; nil if it is this machine's.
	Clock   Clock
	Sampler Sampler
	// Pause may be nil where no policy pauses rollouts.
	Pause Pauser
	// Smoke runs smoke tests; it may be nil where no policy has any.
	Smoke Smoker
	// Jobs runs Kubernetes Jobs; it may be nil where no policy has any.
	Jobs    Jobs
	Records Records
	// Mask hides what is secret in entries that are shown outside of the journal.
	Mask  mask.Masker
	Holds Holds
	// Marks may be nil: workloads are not marked then, and watches that NATS loses are not missed.
	Marks Marks
	// Diagnose may be nil: nothing is gathered then of why a release is bad.
	Diagnose Diagnoser
	// Feed may be nil: deployments that nobody announces are not watched then.
	Feed Feed
	// Labelled lists the workloads that a tool brings; it may be nil where no source tells of tools.
	Labelled Labelled

	Tell Teller
	// Notices may be nil: nobody is told then what others were not told.
	Notices NoticeKeeper
	// Link returns the address of a page for people, such as that of incidents and an ID, or nothing where that is not known. It may be nil.
	Link    func(parts ...string) string
	Reject  Rejecter
	Metrics *Metrics
	Log     *zap.Logger

	// Namespaces are those that rollbackd is to see where policies name none; empty for all.
	Namespaces []string
	// Kinds are those of workloads, beside Deployments, that rollbackd is let see: marks are looked for on them from the start on.
	Kinds []rollback.Kind
	// ReadOnly has rollbacks by hand refused, which would fail for lack of permissions.
	ReadOnly bool
	// Observe has nothing done automatically, whatever the policies say, neither by new watches nor by those that began before.
	Observe bool
	// PrometheusPage is the address at which people open Prometheus; records link to it. Without one they have no such links.
	PrometheusPage string
}

func (o Options) actorName() string { return "rollbackd/" + o.Instance }

// Supervisor runs all watches: an actor for each that is open, and one scheduler that measures for all of them.
type Supervisor struct {
	opts    Options
	ruling  atomic.Pointer[ruling]
	records *recorder
	// reviewer looks after the reviews of incidents.
	reviewer *reviewer
	storage  storage
	// reserved has a lock of its own, which is taken before mu.
	reserved reservations
	crowds   crowds
	marker   *marker
	lookout  *lookout
	// toldOf are deliveries that are to be recorded.
	toldOf  chan *notifier.Delivery
	opening opening
	// diagnoses are gathered behind everybody's back.
	diagnoses *diagnoses

	mu     sync.RWMutex
	actors map[string]*actor
	// ended are the watches that are final, by key, and guards the actors of those that are still looked after.
	ended  map[string]Watch
	guards map[string]*actor
	// held are the workloads on which people stopped automatic action.
	held map[event.Target]Hold
	// holding takes the one whose hold is being stored.
	holding chan struct{}
	// launch starts an actor; it is set while Run runs.
	launch func(*actor)
}

// New returns a Supervisor with no watches.
func New(opts Options) *Supervisor {
	s := &Supervisor{
		opts:     opts,
		records:  newRecorder(opts),
		actors:   map[string]*actor{},
		ended:    map[string]Watch{},
		held:     map[event.Target]Hold{},
		holding:  make(chan struct{}, 1),
		reserved: reservations{held: map[string]act{}},
		opening:  newOpening(),
		guards:   map[string]*actor{},
		toldOf:   make(chan *notifier.Delivery, mostUnrecorded),
	}
	s.Replace(opts.rules())
	s.reviewer = newReviewer(s)
	s.records.told = s.reviewer.take
	s.marker = newMarker(s)
	s.lookout = newLookout(s)
	s.diagnoses = newDiagnoses(s)
	return s
}

// Load takes up the watches that an earlier run left. It must be called before Run and before any event is handled.
func (s *Supervisor) Load(ctx context.Context) error {
	if err := s.loadHolds(ctx); err != nil {
		return err
	}
	return s.opts.Store.All(ctx, func(key string, value []byte) error {
		w, err := decode(value)
		if err != nil { // one bad record must not keep all others from being watched
			s.opts.Metrics.unreadable("watch")
			s.opts.Log.Error("a stored watch cannot be read and is passed over", zap.String("watch", key), zap.Error(err))
			return nil
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if !w.State.Final() {
			s.actors[key] = newActor(s, w)
			return nil
		}
		s.ended[key] = w.epitome()
		if w.guarded(time.Now()) {
			s.guards[key] = newActor(s, w)
		}
		if !w.Rendered {
			s.records.ask(w)
		}
		return nil
	})
}

func decode(value []byte) (Watch, error) {
	var w Watch
	if err := json.Unmarshal(value, &w); err != nil {
		return Watch{}, err
	}
	if w.Format != recordFormat {
		return Watch{}, fmt.Errorf("it has format %d and this version reads %d", w.Format, recordFormat)
	}
	if !w.State.known() {
		return Watch{}, fmt.Errorf("it is in a state that this version does not know: %s", event.Quote(string(w.State)))
	}
	if w.Unwatched == "" && (len(w.Policy.Stages) == 0 || len(w.Policy.Signals) == 0) {
		return Watch{}, errors.New("its policy has no stages or no signals")
	}
	w.Event.Raw = w.Document
	return w, nil
}

// Run carries all watches until ctx ends. Watches that are open then are taken up by the next run.
func (s *Supervisor) Run(ctx context.Context) error {
	var running sync.WaitGroup
	s.mu.Lock()
	s.launch = func(a *actor) {
		running.Go(func() { s.carry(ctx, a) })
	}
	for _, a := range s.actors {
		s.launch(a)
	}
	for _, a := range s.guards {
		s.opts.Cache.Watch(a.watch.workload())
		running.Go(func() { s.keepGuard(ctx, a) })
	}
	s.mu.Unlock()
	running.Go(func() { s.records.run(ctx) })
	running.Go(func() { newScheduler(s).run(ctx) })
	running.Go(func() { s.tellCrowds(ctx) })
	running.Go(func() { s.makeUp(ctx) })
	running.Go(func() { s.forgetEnded(ctx) })
	running.Go(func() { s.recordTold(ctx) })
	running.Go(func() { s.reviewer.run(ctx) })
	running.Go(func() { s.marker.run(ctx) })
	running.Go(func() { s.lookout.run(ctx) })
	running.Go(func() { s.diagnoses.run(ctx) })
	<-ctx.Done()
	s.mu.Lock()
	s.launch = nil // what is accepted from now on is carried by the next process, so that nothing joins those that are waited for
	s.mu.Unlock()
	running.Wait()
	return nil
}

// steady is how long a run must last for the next stumble to count as the first.
const steady = time.Minute

// carry runs one actor to the end of its watch and starts it over, from the journal, where it stumbles.
func (s *Supervisor) carry(ctx context.Context, a *actor) {
	aside(func() { s.opts.Cache.Watch(a.watch.workload()) }) // a copy of the watch would be in this function's frame for as long as it runs
	for pause := minPause; ctx.Err() == nil; pause = min(2*pause, maxPause) {
		began := time.Now()
		err := a.run(ctx)
		if err == nil {
			s.retire(a)
			s.keepGuard(ctx, a)
			return
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > steady {
			pause = minPause
		}
		a.fenced = a.fenced || errors.Is(err, ErrFenced)
		a.log.Error("the watch stumbled and starts over from its journal", zap.Error(err), zap.Duration("in", pause))
		sleep(ctx, pause)
	}
}

func (s *Supervisor) retire(a *actor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.actors, a.watch.Key)
	s.ended[a.watch.Key] = a.watch.epitome()
	s.marker.look(a.watch.workload())
	s.lookout.ended(a.watch)
	s.guards[a.watch.Key] = a // until keepGuard finds nothing left to guard
	a.dismiss()
}

// ClusterChanged tells the open watches of a workload that the cluster shows something new of it. It never blocks.
func (s *Supervisor) ClusterChanged(w rollback.Workload) {
	s.marker.look(w)
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, a := range s.actors {
		if a.view.Load().workload() == w {
			a.poke()
		}
	}
	s.pokeGuards(w)
}
