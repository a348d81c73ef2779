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
func (s *stage) tally(ctx context.Context, version string) (tally, error) {
	pods, err := s.stack.Pods(ctx)
	if err != nil {
		return tally{}, err
	}
	return sum(pods, version), nil
}

func sum(pods []localstack.Pod, version string) tally {
	var t tally
	for _, p := range pods {
		if p.Namespace != namespace || p.App != workload || p.Version != version {
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

// tellTimes says how long users suffered. The times are those of the pods and of the API server.
func (s *stage) tellTimes(ctx context.Context, story story, v watch.View) error {
	t, err := s.tally(ctx, story.version)
	if err != nil {
		return err
	}
	if t.firstError.IsZero() || v.LandedAt.IsZero() {
		return nil
	}
	s.screen.line("")
	s.screen.line(fmt.Sprintf("    From the first bad request, at %s, to", clock(t.firstError)))
	for _, m := range []struct {
		what string
		at   time.Time
	}{
		{"the rollback, patched into the Deployment", v.LandedAt},
		{"the last bad request", t.lastError},
		{"recovery, proven by " + span(shortened().VerifyFor) + " within the limit", v.Since},
	} {
		s.screen.line(fmt.Sprintf("      %-45s%s", m.what, s.screen.paint(bold, fmt.Sprintf("%8s", seconds(m.at.Sub(t.firstError))))))
	}
	s.screen.line(fmt.Sprintf("    %s answered %d requests, of which %d failed.", story.version, t.requests, t.errors))
	s.screen.line("    The record: " + s.screen.paint(bold, timelinePath(v.Incident)))
	return nil
}
