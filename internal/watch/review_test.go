package watch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
)

// numberStore are the world's numbers; they outlive a process.
type numberStore struct {
	*world
	given map[string]uint64
	noted map[uint64]int
}

func (n numberStore) Take(ctx context.Context, owner string, above uint64) (number uint64, err error) {
	err = n.call(ctx, "numbers.take", func() error {
		if n.given[owner] == 0 {
			n.given[owner] = max(uint64(len(n.given)), above) + 1
		}
		number = n.given[owner]
		return nil
	})
	return number, err
}

func (n numberStore) Since(context.Context) (time.Time, error) { return n.t0, nil }

func (n numberStore) Note(ctx context.Context, number uint64, step int) error {
	return n.call(ctx, "numbers.note", func() error { n.noted[number] = step; return nil })
}

func (n numberStore) Noted(ctx context.Context, number uint64) (step int, err error) {
	err = n.call(ctx, "numbers.noted", func() error { step = n.noted[number]; return nil })
	return step, err
}

func testReviews() Reviews {
	return Reviews{Environments: []string{"production"}, Within: 48 * time.Hour, HotfixWithin: 24 * time.Hour, RemindBefore: 12 * time.Hour}
}

// reviewing has every process of the world look after reviews.
func (w *world) reviewing() {
	numbers := numberStore{world: w, given: map[string]uint64{}, noted: map[uint64]int{}}
	w.edits = append(w.edits, func(o *Options) { o.Reviews, o.Numbers = testReviews(), numbers })
}

// reminders are the IDs and titles of what people were told of reviews.
func (w *world) reminders() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.notices {
		if n.Kind == notifier.KindPostmortem {
			out = append(out, n.ID+" "+string(n.Severity)+" "+n.Title)
		}
	}
	return out
}

func TestWhichIncidentsCallForAReview(t *testing.T) {
	ended := func(state State, edits ...func(*incident.Digest)) incident.Digest {
		d := incident.Digest{Incident: "i", Environment: "production", Mode: "automatic", State: string(state), Final: true}
		for _, edit := range edits {
			edit(&d)
		}
		return d
	}
	rolledBack := func(d *incident.Digest) { d.RolledBack = true }
	for _, c := range []struct {
		name string
		of   incident.Digest
		want bool
	}{
		{"rolled back, and it helped", ended(RolledBack, rolledBack), true},
		{"rolled back, and nobody knows", ended(RolledBackUnverified, rolledBack), true},
		{"rolled back, in vain", ended(NotRecovered, rolledBack), true},
		{"the rollback failed", ended(Failed), true},
		{"bad, and left live", ended(Held), true},
		{"bad, and left live by a policy on trial", ended(Held, func(d *incident.Digest) { d.Mode = "observe" }), false},
		{"rolled back by a person where the policy is on trial", ended(RolledBack, rolledBack, func(d *incident.Digest) { d.Mode = "observe" }), true},
		{"replaced by a newer version", ended(Superseded), false},
		{"replaced after it was rolled back", ended(Superseded, rolledBack), true},
		{"let be by a person", ended(Aborted), false},
		{"it goes on", ended(Verifying, rolledBack, func(d *incident.Digest) { d.Final = false }), false},
		{"no incident", ended(Healthy, func(d *incident.Digest) { d.Incident = "" }), false},
		{"a drill", ended(RolledBack, rolledBack, func(d *incident.Digest) { d.Drill = true }), false},
		{"another environment", ended(RolledBack, rolledBack, func(d *incident.Digest) { d.Environment = "staging" }), false},
	} {
		require.Equal(t, c.want, testReviews().wants(c.of), c.name)
	}
	d := ended(RolledBack)
	d.Times.Ended = start
	require.Equal(t, start.Add(48*time.Hour), testReviews().due(d))
	d.Hotfix = true
	require.Equal(t, start.Add(24*time.Hour), testReviews().due(d))
}

func TestWhenPeopleAreReminded(t *testing.T) {
	p := incident.Review{Number: 1, Due: start}
	for after, want := range map[time.Duration]int{
		-48 * time.Hour: stepNumbered, -12*time.Hour - 1: stepNumbered, -12 * time.Hour: stepSoon, -1: stepSoon, 0: stepOverdue,
		24*time.Hour - 1: stepOverdue, 24 * time.Hour: stepOverdue + 1, 10 * 24 * time.Hour: stepOverdue + 10,
	} {
		require.Equal(t, want, testReviews().step(p, start.Add(after)), after)
	}
	p.DoneAt = start
	require.Equal(t, stepNone, testReviews().step(p, start.Add(time.Hour)))
}

// An incident that has ended gets its number, and people are reminded until somebody says that the review is done, over restarts too,
// and never twice of the same.
func TestAReviewIsRemindedOfUntilItIsDone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.reviewing()
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		key := w.await(p, RolledBack).Key
		time.Sleep(time.Minute)
		ended := w.digests()["incident."+key].Times.Ended
		due := ended.Add(48 * time.Hour).Format("2006-01-02 15:04 UTC")
		want := []string{"postmortem-1-1 info Postmortem DEC-INCIDENT-0001 of shop/checkout v2 is due by " + due}
		require.Equal(t, want, w.reminders())
		require.Equal(t, &incident.Review{Number: 1, Due: ended.Add(48 * time.Hour)}, w.digests()["incident."+key].Postmortem)
		require.Equal(t, incident.DigestOf(w.entriesOf(key)), w.digests()["incident."+key])

		for range 5 * 24 { // a restart every hour
			time.Sleep(time.Hour)
			p.stop()
			p = w.run()
		}
		time.Sleep(time.Minute)
		want = append(want, "postmortem-1-2 warn Postmortem DEC-INCIDENT-0001 of shop/checkout v2 is due soon: by "+due)
		for day := range 4 {
			want = append(want, fmt.Sprintf("postmortem-1-%d warn Postmortem DEC-INCIDENT-0001 of shop/checkout v2 is overdue since %s", day+3, due))
		}
		require.Equal(t, want, w.reminders())
		require.NoError(t, testutil.CollectAndCompare(p.ReviewCollector(), strings.NewReader(`
# HELP rollbackd_postmortems Incidents whose review is not done: open those that have time left, overdue those that have none.
# TYPE rollbackd_postmortems gauge
rollbackd_postmortems{state="open"} 0
rollbackd_postmortems{state="overdue"} 1
`)))

		target := event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"}
		done := func(target event.Target, id, link string) control.Reply {
			return p.Ask(t.Context(), control.Asked{By: "ana", Verb: control.Postmortem, Target: target, Request: control.Request{ID: id, Watch: key, Link: link}})
		}
		other := target
		other.Namespace = "billing"
		require.Equal(t, control.CodeUnknown, done(other, "r0", "https://wiki/1").Code)
		require.Equal(t, control.Reply{OK: true, Watch: key, Message: "DEC-INCIDENT-0001 is done"}, done(target, "r1", "https://wiki/1"))
		require.True(t, done(target, "r1", "https://wiki/1").OK, "the same request again")
		review := w.digests()["incident."+key].Postmortem
		require.Equal(t, []string{"ana", "https://wiki/1"}, []string{review.By, review.Link})
		time.Sleep(72 * time.Hour)
		require.Equal(t, want, w.reminders(), "nobody is reminded of what is done")
		require.True(t, done(target, "r2", "https://wiki/2").OK, "the link may be corrected")
		require.Equal(t, "https://wiki/2", w.digests()["incident."+key].Postmortem.Link)
		var postmortems []string
		for _, e := range w.entriesOf(key) {
			if e.Postmortem != nil {
				postmortems = append(postmortems, e.Actor)
			}
		}
		require.Equal(t, []string{"rollbackd/test", "ana", "ana"}, postmortems)
	})
}

// Whatever a number's taking is interrupted by, in the end the incident has one, and it is the first.
func TestANumberIsNeverLostNorGivenTwice(t *testing.T) {
	for _, call := range []string{"numbers.take", "annex.note", "ledger.put", "numbers.note"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, done %v", call, after), func(t *testing.T) {
				inBubble(t, func(t *testing.T, w *world) {
					w.reviewing()
					p := w.run()
					require.NoError(t, p.Accept(t.Context(), w.document()))
					w.await(p, Verifying)
					w.failing(func(name string, done bool) error {
						if name == call && done == after {
							return errors.New("killed")
						}
						return nil
					})
					key := w.await(p, RolledBack).Key
					time.Sleep(5 * time.Second)
					synctest.Wait()
					p.stop()
					w.failing(nil)
					w.run()
					time.Sleep(5 * time.Minute)
					review := w.digests()["incident."+key].Postmortem
					require.NotNil(t, review)
					require.Equal(t, uint64(1), review.Number)
					ids := map[string]bool{}
					for _, told := range w.reminders() {
						ids[told] = true
					}
					require.Len(t, ids, 1)
				})
			})
		}
	}
}

// A review that is on record although the ledger could not be written yet is not called unrecorded, and counts once it can.
func TestAReviewThatMayBeOnRecordIsNotCalledUnrecorded(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.reviewing()
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		key := w.await(p, RolledBack).Key
		time.Sleep(time.Minute)
		w.failing(func(call string, _ bool) error {
			if call == "ledger.put" {
				return errors.New("no answer from NATS in time")
			}
			return nil
		})
		reply := w.asks(p, control.Postmortem, control.Request{ID: "r", Watch: key, Link: "https://wiki/1"})
		require.Equal(t, control.CodeBusy, reply.Code)
		require.Contains(t, reply.Message, "it is not known whether it was recorded; ask again")
		w.failing(nil)
		time.Sleep(time.Minute)
		require.Equal(t, "https://wiki/1", w.digests()["incident."+key].Postmortem.Link)
	})
}

// Whoever is quicker than the numbering of the reviews is asked to come again, and not told that there is none.
func TestAReviewThatIsToBeNumberedYet(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.reviewing()
		w.failing(func(call string, _ bool) error {
			if call == "numbers.take" {
				return errors.New("no answer from NATS in time")
			}
			return nil
		})
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		request := control.Request{ID: "r", Watch: w.await(p, RolledBack).Key, Link: "https://wiki/1"}
		reply := w.asks(p, control.Postmortem, request)
		require.Equal(t, control.CodeBusy, reply.Code)
		require.Contains(t, reply.Message, "has no number yet; ask again in a moment")
		w.failing(nil)
		time.Sleep(time.Minute)
		reply = w.asks(p, control.Postmortem, request)
		require.True(t, reply.OK, reply.Message)
	})
}

// What a watch was forgotten of is still in the ledger, and its review can still be done.
func TestTheReviewOfAForgottenWatchIsDone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.reviewing()
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		key := w.await(p, RolledBack).Key
		time.Sleep(time.Minute)
		p.stop()
		w.mu.Lock()
		clear(w.stored)
		w.mu.Unlock()
		p = w.run()
		reply := p.Ask(t.Context(), control.Asked{By: "ana", Verb: control.Postmortem, Target: event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"},
			Request: control.Request{ID: "r", Watch: key, Link: "https://wiki/1"}})
		require.True(t, reply.OK, reply.Message)
		require.Equal(t, "https://wiki/1", w.digests()["incident."+key].Postmortem.Link)
	})
}
