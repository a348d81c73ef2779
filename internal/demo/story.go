package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// storyLimit is how long the end of a watch is waited for. Every story needs half of it.
const storyLimit = 2 * time.Minute

// story is one deployment and how it must end.
type story struct {
	title, intro      string
	service           service
	version, previous string
	behaviour         sampleapp.Behaviour
	// signal is what the story is about; the live line shows it.
	signal string
	want   ending
}

func (s *stage) badRelease() story {
	return story{
		title: "A. A bad release is taken back", intro: "v2 fails a third of its requests",
		service: s.checkout, version: "v2", previous: "v1", behaviour: sampleapp.FailingThird(), signal: signalErrors,
		want: ending{state: watch.RolledBack, live: "v1", changes: 1, detected: "Error rate spike detected"},
	}
}

func (s *stage) goodRelease() story {
	return story{
		title: "B. A good release is left alone", intro: "v3 has the fix and fails none",
		service: s.checkout, version: "v3", previous: "v1", signal: signalErrors,
		want: ending{state: watch.Healthy, live: "v3", changes: 0},
	}
}

func (s *stage) badSwitch() story {
	return story{
		title: "C. A blue-green switch to a slow version is switched back", intro: "its P95 is far over the SLO of 0.5 s",
		service: s.payments, version: "v2", previous: "v1", behaviour: sampleapp.Behaviour{Latency: 800 * time.Millisecond},
		signal: signalLatency,
		want: ending{
			state: watch.RolledBack, colour: sampleapp.Blue, live: "v1", changes: 1, detected: "P95 latency breach detected",
		},
	}
}

// prologue sets the stage: what is real, what is shortened, and services that have served for a while.
func (s *stage) prologue(ctx context.Context) error {
	servers, err := s.versions(ctx)
	if err != nil {
		return err
	}
	s.screen.line("")
	s.screen.line("  " + servers)
	s.screen.line("  The nodes and the pods are simulated; every pod serves real HTTP and real /metrics. Times are UTC.")
	s.screen.line("")
	s.screen.line("  Windows are shortened, so that this takes minutes instead of a day:")
	s.screen.columns(shortened().table())
	s.screen.line("")
	app := s.checkout
	s.screen.say("deploy tool", fmt.Sprintf("creates %s/%s v1: %d replicas, %d requests a second", namespace, app.Name, app.Replicas, app.RPS), plain)
	if err := app.create(ctx, "v1"); err != nil {
		return err
	}
	app = s.payments
	s.screen.say("deploy tool", fmt.Sprintf("creates %s/%s v1 in blue and green: %d replicas each, %d requests a second to blue", namespace, app.Name, app.Replicas, app.RPS), plain)
	if err := app.create(ctx, "v1"); err != nil {
		return err
	}
	return s.collectBaseline(ctx)
}

// collectBaseline waits until v1 of checkout has served for as long as a baseline is. That of payments is served while
// the first stories go on.
func (s *stage) collectBaseline(ctx context.Context) error {
	need := shortened().Baseline + 2*scrape
	var problem error
	served := func() bool {
		var t tally
		if t, problem = s.tally(ctx, workload, "v1"); problem != nil || t.since.IsZero() {
			return false
		}
		age := time.Since(t.since)
		s.screen.show([]piece{
			{"baseline    ", bold},
			{fmt.Sprintf("checkout v1 has answered %d requests, %d failed", t.requests, t.errors), plain},
			{fmt.Sprintf(", %.0f of %.0f s", min(age, need).Seconds(), need.Seconds()), plain},
			{" " + bar(age.Seconds()/need.Seconds()), green},
		})
		return age >= need
	}
	if err := s.daemon.poll(ctx, storyLimit, served); err != nil {
		return fmt.Errorf("wait until v1 has served: %w", errors.Join(err, problem))
	}
	t, err := s.tally(ctx, workload, "v1")
	s.screen.say("service", fmt.Sprintf("checkout v1 has answered %d requests, %d failed", t.requests, t.errors), plain)
	return err
}

// tell plays a story and returns the watch as it ended, and an error unless it ended as it must.
func (s *stage) tell(ctx context.Context, story story) (watch.View, error) {
	s.screen.heading(story.title)
	began := time.Now()
	event := story.service.announcement(story, began)
	unseen, err := s.release(ctx, story)
	if err != nil {
		return watch.View{}, err
	}
	if _, err := publish(ctx, s.daemon, event); err != nil {
		return watch.View{}, err
	}
	s.screen.say("deploy tool", "publishes one event on "+event.Target().Subject(), plain)

	view, err := s.follow(ctx, event.ID, story.signal)
	if err != nil {
		return view, fmt.Errorf("%s: %w", story.title, err)
	}
	if view.Incident != "" {
		if err := s.tellTimes(ctx, story, view, unseen); err != nil {
			return view, err
		}
	}
	return view, s.prove(ctx, story, view, began)
}

// follow shows a watch as it goes, until it has ended and the daemon's log has told so too.
func (s *stage) follow(ctx context.Context, eventID, signal string) (watch.View, error) {
	var view watch.View
	var problem error
	told := 0
	ended := func() bool {
		v, known, err := s.daemon.view(ctx, eventID)
		if problem = err; err != nil || !known {
			return false
		}
		view = v
		changes := s.daemon.log.of(v.ID)
		for ; told < len(changes); told++ {
			change := changes[told]
			s.screen.sayAt(change.Time, "rollbackd", change.To+": "+change.Reason, stateColour(watch.State(change.To)))
		}
		if !v.Final {
			s.screen.show(liveLine(v, signal, shortened(), time.Now()))
		}
		return v.Final && told > 0 && changes[len(changes)-1].To == string(v.State)
	}
	if err := s.daemon.poll(ctx, storyLimit, ended); err != nil {
		return view, fmt.Errorf("wait for the end of the watch, which is %q (%s): %w", view.State, view.Reason, errors.Join(err, problem))
	}
	return view, nil
}
