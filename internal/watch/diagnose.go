package watch

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/diagnosis"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file has it diagnosed why a release is bad, beside the rollback: nothing waits for it, and nothing is decided by it.

// Diagnoser gathers what the cluster tells of a release. What it could not have, the diagnosis says. It must return soon after ctx is
// done.
type Diagnoser interface {
	Gather(ctx context.Context, w rollback.Workload, pin rollback.Pin, moment diagnosis.Moment) diagnosis.Diagnosis
}

const (
	// diagnosedAtOnce is how many diagnoses are gathered at a time: many bad releases at once must not keep the API server busy.
	diagnosedAtOnce = 4
	// diagnosisAfterEnd is how long after a failed rollback it is looked what there is instead.
	diagnosisAfterEnd = time.Minute
	// diagnosisOf is for how long what happened can still be seen in the cluster. Later, nothing is gathered.
	diagnosisOf = 10 * time.Minute
	// noteAgain is how long after a failure a diagnosis is stored again.
	noteAgain = 15 * time.Second
	// effectDiagnose counts diagnoses that could not be stored.
	effectDiagnose effect = "diagnose"
)

// diagnosisKey names one diagnosis. Without a moment it asks for those that an earlier run did not come to.
type diagnosisKey struct {
	watch  string
	moment diagnosis.Moment
}

// id is that of the diagnosis in the annex: there is one for each moment.
func (k diagnosisKey) id() string { return "diagnosis-" + string(k.moment) }

// dueDiagnosis is when one is to be gathered, and of when it is.
type dueDiagnosis struct {
	at, of time.Time
	// gathered is what only has to be stored; nil if it has to be gathered.
	gathered *diagnosis.Diagnosis
}

// diagnoses gathers diagnoses, a few at a time.
type diagnoses struct {
	*Supervisor
	wake chan struct{}

	mu      sync.Mutex
	due     map[diagnosisKey]dueDiagnosis
	running int
}

func newDiagnoses(s *Supervisor) *diagnoses {
	return &diagnoses{Supervisor: s, wake: make(chan struct{}, 1), due: map[diagnosisKey]dueDiagnosis{}}
}

// note asks for the diagnoses that entries call for, which have just been stored. It never blocks.
func (d *diagnoses) note(w Watch, entries []incident.Entry) {
	for key, due := range diagnosesOf(w.Key, entries) {
		d.ask(key, due)
	}
}

// again asks for the diagnoses that an earlier run did not come to. It never blocks.
func (d *diagnoses) again(w Watch) {
	if w.Incident != "" && time.Since(w.Since) <= diagnosisOf+diagnosisAfterEnd {
		d.ask(diagnosisKey{watch: w.Key}, dueDiagnosis{of: time.Now()})
	}
}

// diagnosesOf returns which diagnoses entries call for: one when the release is found to be bad, and one some time after a rollback that
// failed or did not help. Those that are among the entries are not called for again.
func diagnosesOf(watch string, entries []incident.Entry) map[diagnosisKey]dueDiagnosis {
	out := map[diagnosisKey]dueDiagnosis{}
	for _, e := range entries {
		if e.State == nil {
			continue
		}
		switch to := State(e.State.To); {
		case to == Regressed && e.State.From == string(Watching):
			out[diagnosisKey{watch, diagnosis.Regressed}] = dueDiagnosis{at: e.At, of: e.At}
		case to == NotRecovered || to == Failed:
			out[diagnosisKey{watch, diagnosis.Ended}] = dueDiagnosis{at: e.At.Add(diagnosisAfterEnd), of: e.At}
		}
	}
	for _, e := range entries {
		if e.Diagnosis != nil {
			delete(out, diagnosisKey{watch, e.Diagnosis.Moment})
		}
	}
	return out
}

func (d *diagnoses) ask(key diagnosisKey, due dueDiagnosis) {
	if d.opts.Diagnose == nil {
		return
	}
	d.mu.Lock()
	d.due[key] = due
	d.mu.Unlock()
	d.poke()
}

func (d *diagnoses) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run gathers until ctx ends.
func (d *diagnoses) run(ctx context.Context) {
	if d.opts.Diagnose == nil {
		return
	}
	for _, w := range d.Watches() {
		if w.State.Final() {
			d.again(w)
		}
	}
	var gathering sync.WaitGroup
	defer gathering.Wait()
	ticker := time.NewTicker(minPause)
	defer ticker.Stop()
	for {
		for key, due, ok := d.next(); ok; key, due, ok = d.next() {
			gathering.Go(func() { d.gather(ctx, key, due) })
		}
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		case <-ticker.C:
		}
	}
}

// next takes the oldest diagnosis that is due, unless as many as may are under way.
func (d *diagnoses) next() (key diagnosisKey, due dueDiagnosis, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for k, one := range d.due {
		if !now.Before(one.at) && (!ok || one.at.Before(due.at)) {
			key, due, ok = k, one, true
		}
	}
	if !ok || d.running == diagnosedAtOnce {
		return key, due, false
	}
	delete(d.due, key)
	d.running++
	return key, due, true
}

// gather makes one diagnosis and stores it. What goes wrong here concerns nobody else.
func (d *diagnoses) gather(ctx context.Context, key diagnosisKey, due dueDiagnosis) {
	log := d.opts.Log.With(zap.String("watch", key.watch), zap.String("moment", string(key.moment)))
	defer func() {
		if r := recover(); r != nil { // logs may hold anything, and a mistake in reading them must not end the watches
			log.Error("a diagnosis failed", zap.Any("panic", r), zap.Stack("stack"))
		}
		d.mu.Lock()
		d.running--
		d.mu.Unlock()
		d.poke()
	}()
	w, ok := d.Get(key.watch)
	switch {
	case !ok || w.Pin == nil:
		return
	case key.moment == "":
		d.lookUp(ctx, key)
		return
	case due.gathered == nil && time.Since(due.of) > diagnosisOf:
		log.Warn("there was no time for a diagnosis, and what could be seen will be gone")
		return
	case due.gathered == nil:
		found := d.opts.Diagnose.Gather(ctx, w.workload(), *w.Pin, key.moment)
		due.gathered = &found
	}
	if ctx.Err() != nil { // the next run gathers again
		return
	}
	err := d.annex(ctx, w, key.id(), incident.Entry{Kind: incident.KindDiagnosis, Diagnosis: due.gathered})
	if err == nil || ctx.Err() != nil {
		return
	}
	d.opts.Metrics.effectFailed(effectDiagnose)
	log.Warn("a diagnosis could not be stored", zap.Error(err))
	if time.Since(due.of) < 2*diagnosisOf {
		due.at = time.Now().Add(noteAgain)
		d.ask(key, due)
	}
}

// entriesOf returns all entries of a watch, those of the annex included.
func (d *diagnoses) entriesOf(ctx context.Context, key string) ([]incident.Entry, error) {
	var entries []incident.Entry
	err := d.opts.Annex.ReadAll(ctx, key, func(_ uint64, data []byte) error {
		var e incident.Entry
		err := json.Unmarshal(data, &e)
		entries = append(entries, e)
		return err
	})
	return entries, err
}

// lookUp asks for what an earlier run did not come to.
func (d *diagnoses) lookUp(ctx context.Context, key diagnosisKey) {
	entries, err := d.entriesOf(ctx, key.watch)
	if err != nil {
		if ctx.Err() == nil {
			d.opts.Log.Warn("it could not be looked up whether a diagnosis is missing", zap.String("watch", key.watch), zap.Error(err))
		}
		return
	}
	for missing, due := range diagnosesOf(key.watch, entries) {
		if time.Since(due.of) <= diagnosisOf {
			d.ask(missing, due)
		}
	}
}
