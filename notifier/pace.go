package notifier

import (
	"context"
	"time"
)

// pace keeps calls apart.
type pace struct {
	every time.Duration
	now   func() time.Time
	next  time.Time
}

// wait waits for the next turn. If that comes after ctx is done, it says at once when to try again.
func (p *pace) wait(ctx context.Context) error {
	now := p.now()
	pause := p.next.Sub(now)
	if deadline, ok := ctx.Deadline(); ok && pause > time.Until(deadline) {
		return &httpError{Retry: true, After: pause, text: "no more than one message a second may be sent"}
	}
	if pause > 0 {
		turn := time.NewTimer(pause)
		defer turn.Stop()
		select {
		case <-turn.C:
		case <-ctx.Done():
			return &httpError{Retry: true, text: "stopped while waiting for the turn to send", cause: ctx.Err()}
		}
	}
	p.next = p.now().Add(p.every)
	return nil
}
