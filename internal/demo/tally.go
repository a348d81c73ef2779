package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// tally is what the pods of a version have seen, by their own count.
type tally struct {
	// since is when the first of them was created.
	since                 time.Time
	firstError, lastError time.Time
	requests, errors      int64
}

// tally asks the simulator, which is the pods.
func (s *stage) tally(ctx context.Context, app, version string) (tally, error) {
	pods, err := s.stack.Pods(ctx, namespace)
	if err != nil {
		return tally{}, err
	}
	return sum(pods, app, version), nil
}

func sum(pods []localstack.Pod, app, version string) tally {
	var t tally
	for _, p := range pods {
		if p.Namespace != namespace || p.App != app || p.Version != version {
			continue
		}
		t.requests += p.Requests
		t.errors += p.Errors
		t.since = earliest(t.since, &p.CreatedAt)
		t.firstError = earliest(t.firstError, p.FirstErrorAt)
		if p.LastErrorAt != nil && p.LastErrorAt.After(t.lastError) {
			t.lastError = *p.LastErrorAt
		}
	}
	return t
}

func earliest(known time.Time, other *time.Time) time.Time {
	if other == nil || (!known.IsZero() && known.Before(*other)) {
		return known
	}
	return *other
}

// suffering is how long users had a bad version: what it is counted from, what happened when, and what that version did.
type suffering struct {
	from, did string
	began     time.Time
	moments   []moment
}

type moment struct {
	what string
	at   time.Time
}

// tellTimes says how long users suffered. The times are those of the pods and of the API server; unseen is a time before
// which nobody had met the version.
func (s *stage) tellTimes(ctx context.Context, story story, v watch.View, unseen time.Time) error {
	t, err := s.tally(ctx, story.service.Name, story.version)
	if err != nil {
		return err
	}
	sorrow := failures(story, v, t)
	if story.signal == signalLatency {
		sorrow = slowness(story, v, t, unseen)
	}
	if !sorrow.began.IsZero() && !v.LandedAt.IsZero() {
		s.screen.suffering(sorrow)
	}
	s.screen.line("    The record: " + s.screen.paint(bold, timelinePath(v.Incident)))
	return nil
}

func failures(story story, v watch.View, t tally) suffering {
	return suffering{
		from: "From the first bad request", began: t.firstError,
		moments: []moment{
			{"the rollback, patched into the Deployment", v.LandedAt},
			{"the last bad request", t.lastError},
			recovery(v),
		},
		did: fmt.Sprintf("%s answered %d requests, of which %d failed.", story.version, t.requests, t.errors),
	}
}

// slowness counts from the switch, because the pods count failed requests and not slow ones.
func slowness(story story, v watch.View, t tally, switched time.Time) suffering {
	return suffering{
		from: "From the switch, before which no user met " + story.version, began: switched,
		moments: []moment{{"the switch back, patched into the Service", v.LandedAt}, recovery(v)},
		did: fmt.Sprintf("%s answered %d requests. The pods do not note which were slow, so the first bad request is taken "+
			"to be as early as it can have been.", story.version, t.requests),
	}
}

func recovery(v watch.View) moment {
	return moment{"recovery, proven by " + span(shortened().VerifyFor) + " within the limit", v.Since}
}
