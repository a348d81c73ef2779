package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/rollback"
)

// A breach that cannot be laid to the release for a moment, as a look around it failed, is not over, and neither is one that has to be
// proven once more after a gap in the data, or that is gone from a handful of requests; one that turns out to be another's doing is left alone, and the record says whose.
func TestABreachInDoubtIsNotOver(t *testing.T) {
	for _, c := range []struct {
		name   string
		newest analyzer.Assessment
		want   State
		reason string
	}{
		{"in doubt", analyzer.Assessment{Outcome: analyzer.OutcomeBreach, Verdict: analyzer.Insufficient, Guard: "not known yet"}, Regressed, ""},
		{"to be proven again", analyzer.Assessment{Outcome: analyzer.OutcomeBreach, Verdict: analyzer.Insufficient}, Regressed, ""},
		{"over", analyzer.Assessment{Outcome: analyzer.OutcomeOK, Verdict: analyzer.Healthy}, Held, "the breach was over"},
		{"over on a handful", analyzer.Assessment{Outcome: analyzer.OutcomeOK, Verdict: analyzer.Healthy,
			Counts: analyzer.Counts{N: 3}, MinRequests: 50}, Regressed, ""},
		{"over on enough", analyzer.Assessment{Outcome: analyzer.OutcomeOK, Verdict: analyzer.Healthy,
			Counts: analyzer.Counts{N: 50}, MinRequests: 50}, Held, "the breach was over"},
		{"another's", analyzer.Assessment{Outcome: analyzer.OutcomeBreach, Verdict: analyzer.External, Guard: "others too"}, Held, "but others too"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newTestWatch(func(w *Watch) {
				w.State, w.Since, w.Pin = Regressed, start.Add(time.Minute), &rollback.Pin{T0: start}
				w.lastTick = start.Add(time.Minute)
				w.judgement = analyzer.Judgement{Verdict: c.newest.Verdict, Reason: "but " + c.newest.Guard, Signals: []analyzer.Assessment{c.newest}}
			})
			s := &step{watch: w, now: start.Add(time.Minute + time.Second)}
			s.overdue()
			require.Equal(t, c.want, s.watch.State, s.watch.Reason)
			require.Contains(t, s.watch.Reason, c.reason)
		})
	}
}

// What was deployed or rolled back a short time ago is no measure of what is usual, wherever it is and whether or not its watch
// is over.
func TestNewlyDeployed(t *testing.T) {
	s := New(newWorld(t).options())
	at := start.Add(time.Hour)
	add := func(namespace, workload string, t0, landed time.Time) Watch {
		w := newTestWatch(func(w *Watch) {
			w.Key += namespace + workload
			w.Event.Namespace, w.Event.Workload = namespace, workload
			w.AcceptedAt, w.LandedAt = t0, landed
			if !t0.IsZero() {
				w.Pin = &rollback.Pin{T0: t0}
			}
		})
		s.ended[w.Key] = w
		return w
	}
	mine := add("shop", "checkout", at.Add(-time.Minute), time.Time{})
	add("shop", "new", at.Add(-14*time.Minute), time.Time{})
	add("shop", "old", at.Add(-16*time.Minute-time.Second), time.Time{})
	add("shop", "since", at.Add(-15*time.Minute-time.Second), time.Time{})
	add("shop", "back", at.Add(-20*time.Minute), at.Add(-5*time.Minute))
	add("bank", "checkout", at.Add(-time.Minute), time.Time{})
	s.actors["open"] = newActor(s, func() Watch {
		w := add("bank", "open", at.Add(-time.Minute), time.Time{})
		delete(s.ended, w.Key)
		return w
	}())
	fresh, since := s.deployed(&mine, at)
	require.Equal(t, []string{"bank/checkout", "bank/open", "shop/back", "shop/new"}, fresh)
	require.Equal(t, map[string]time.Time{
		"shop/new": at.Add(-14 * time.Minute), "shop/since": at.Add(-15*time.Minute - time.Second),
		"bank/checkout": at.Add(-time.Minute), "bank/open": at.Add(-time.Minute),
	}, since)
}
