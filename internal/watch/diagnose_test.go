package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/diagnosis"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// diagnoserOf is a diagnoser of the world: it takes so long for each diagnosis, or until it is told to stop.
type diagnoserOf struct {
	*world
	takes time.Duration
	// asked are the moments that it was asked of, running how many at a time, and most how many there were.
	asked         *[]diagnosis.Moment
	running, most *int
}

func newDiagnoser(w *world, takes time.Duration) diagnoserOf {
	return diagnoserOf{world: w, takes: takes, asked: new([]diagnosis.Moment), running: new(int), most: new(int)}
}

func (d diagnoserOf) Gather(ctx context.Context, wl rollback.Workload, pin rollback.Pin, moment diagnosis.Moment) diagnosis.Diagnosis {
	d.mu.Lock()
	*d.asked = append(*d.asked, moment)
	*d.running++
	*d.most = max(*d.most, *d.running)
	d.mu.Unlock()
	sleep(ctx, d.takes)
	d.mu.Lock()
	*d.running--
	d.mu.Unlock()
	return diagnosis.Diagnosis{Moment: moment, GatheredAt: now(), Release: wl.Name + " " + pin.Release.Version}
}

func (d diagnoserOf) attach(o *Options) { o.Diagnose = d }

// diagnosed are the diagnoses in the annexes of all watches, by their IDs.
func (w *world) diagnosed() map[string]diagnosis.Diagnosis {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]diagnosis.Diagnosis{}
	for _, entries := range w.annex {
		for _, r := range entries {
			var e incident.Entry
			require.NoError(w.t, json.Unmarshal(r.data, &e))
			if e.Kind == incident.KindDiagnosis {
				require.Equal(w.t, r.id, e.ID)
				out[r.id] = *e.Diagnosis
			}
		}
	}
	return out
}

func TestABadReleaseIsDiagnosedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		d := newDiagnoser(w, 5*time.Second)
		w.edits = append(w.edits, d.attach)
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, RolledBack)
		time.Sleep(2 * time.Minute)
		found := w.diagnosed()
		require.Len(t, found, 1)
		require.Equal(t, "checkout v2", found["diagnosis-regressed"].Release)

		p.stop()
		p = w.run()
		time.Sleep(2 * time.Minute)
		require.Equal(t, []diagnosis.Moment{diagnosis.Regressed}, *d.asked, "what is in the annex is not gathered again")
		_ = p
	})
}

// TestARollbackWaitsForNoDiagnosis: one that hangs costs no time.
func TestARollbackWaitsForNoDiagnosis(t *testing.T) {
	took := map[string]time.Duration{}
	for name, takes := range map[string]time.Duration{"at once": 0, "hangs": time.Hour} {
		inBubble(t, func(t *testing.T, w *world) {
			p := w.run(newDiagnoser(w, takes).attach)
			require.NoError(t, p.Accept(t.Context(), w.document()))
			took[name] = w.await(p, RolledBack).LandedAt.Sub(w.t0)
		})
	}
	require.Equal(t, took["at once"], took["hangs"])
}

func TestAFailedRollbackIsDiagnosedToo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		d := newDiagnoser(w, 0)
		p := w.run(d.attach)
		w.failing(func(call string, done bool) error {
			if call == "cluster.apply" && !done {
				w.mu.Lock()
				w.live.UID = "another" // deleted and made again
				w.mu.Unlock()
			}
			return nil
		})
		require.NoError(t, p.Accept(t.Context(), w.document()))
		var ended Watch
		for range 4000 {
			if all := p.Watches(); len(all) > 0 && all[0].State.Final() {
				ended = all[0]
				break
			}
			time.Sleep(250 * time.Millisecond)
		}
		require.Equal(t, Failed, ended.State, ended.Reason)
		time.Sleep(diagnosisAfterEnd - 5*time.Second)
		require.NotContains(t, w.diagnosed(), "diagnosis-ended")
		time.Sleep(10 * time.Second)
		require.Contains(t, w.diagnosed(), "diagnosis-ended")
	})
}

// TestADiagnosisSurvivesACrash: one that was cut short is made by the next run, as long as there is something to see.
func TestADiagnosisSurvivesACrash(t *testing.T) {
	for _, c := range []struct {
		name string
		away time.Duration
		want int
	}{{"soon", time.Minute, 1}, {"too late", time.Hour, 0}} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run(newDiagnoser(w, time.Hour).attach)
				require.NoError(t, p.Accept(t.Context(), w.document()))
				w.await(p, RolledBack)
				p.stop()
				require.Empty(t, w.diagnosed())
				time.Sleep(c.away)
				w.run(newDiagnoser(w, 0).attach)
				time.Sleep(time.Minute)
				require.Len(t, w.diagnosed(), c.want)
			})
		})
	}
}

func TestADiagnosisThatCannotBeStoredIsStoredLater(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		d := newDiagnoser(w, 0)
		p := w.run(d.attach)
		broken := true
		w.failing(func(call string, done bool) error {
			if call == "annex.note" && !done && broken {
				return errors.New("no room")
			}
			return nil
		})
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, RolledBack)
		require.Empty(t, w.diagnosed())
		w.failing(nil)
		time.Sleep(2 * noteAgain)
		require.Len(t, w.diagnosed(), 1)
		require.Len(t, *d.asked, 1, "it is gathered once")
	})
}

// TestManyBadReleasesAreDiagnosedAFewAtATime, and what there was no time for is left out.
func TestManyBadReleasesAreDiagnosedAFewAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		d := newDiagnoser(w, 20*time.Second)
		opts := w.options()
		d.attach(&opts)
		s := New(opts)
		for i := range 200 {
			one := newTestWatch(func(w *Watch) { w.Key = fmt.Sprintf("production.shop.k%d", i); w.Pin = &rollback.Pin{} })
			s.actors[one.Key] = newActor(s, one)
			s.diagnoses.note(one, []incident.Entry{{At: now(), State: &incident.StateChange{From: string(Watching), To: string(Regressed)}}})
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.diagnoses.run(ctx) }()
		time.Sleep(time.Hour)
		cancel()
		<-done
		require.Equal(t, diagnosedAtOnce, *d.most)
		require.InDelta(t, diagnosedAtOnce*int(diagnosisOf/(20*time.Second)), len(*d.asked), 2*diagnosedAtOnce)
		require.Empty(t, s.diagnoses.due)
	})
}

// panicking is a diagnoser with a mistake.
type panicking struct{}

func (panicking) Gather(context.Context, rollback.Workload, rollback.Pin, diagnosis.Moment) diagnosis.Diagnosis {
	panic("a mistake")
}

func TestAMistakeInADiagnosisEndsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) { o.Diagnose = panicking{} })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, RolledBack)
		require.Zero(t, p.diagnoses.running)
	})
}

func TestWhichDiagnosesEntriesCallFor(t *testing.T) {
	at := start
	state := func(from, to State) incident.Entry {
		return incident.Entry{At: at, State: &incident.StateChange{From: string(from), To: string(to)}}
	}
	done := func(m diagnosis.Moment) incident.Entry {
		return incident.Entry{At: at, Diagnosis: &diagnosis.Diagnosis{Moment: m}}
	}
	regressed, ended := diagnosisKey{"k", diagnosis.Regressed}, diagnosisKey{"k", diagnosis.Ended}
	for name, c := range map[string]struct {
		entries []incident.Entry
		want    map[diagnosisKey]dueDiagnosis
	}{
		"a bad release":         {[]incident.Entry{state(Watching, Regressed)}, map[diagnosisKey]dueDiagnosis{regressed: {at: at, of: at}}},
		"planned anew":          {[]incident.Entry{state(RollingBack, Regressed)}, map[diagnosisKey]dueDiagnosis{}},
		"done":                  {[]incident.Entry{state(Watching, Regressed), done(diagnosis.Regressed)}, map[diagnosisKey]dueDiagnosis{}},
		"not recovered":         {[]incident.Entry{state(Verifying, NotRecovered)}, map[diagnosisKey]dueDiagnosis{ended: {at: at.Add(diagnosisAfterEnd), of: at}}},
		"failed, the rest done": {[]incident.Entry{state(Watching, Regressed), done(diagnosis.Regressed), state(RollingBack, Failed)}, map[diagnosisKey]dueDiagnosis{ended: {at: at.Add(diagnosisAfterEnd), of: at}}},
		"it helped":             {[]incident.Entry{state(Verifying, RolledBack)}, map[diagnosisKey]dueDiagnosis{}},
	} {
		require.Equal(t, c.want, diagnosesOf("k", c.entries), name)
	}
}
