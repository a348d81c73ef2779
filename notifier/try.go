package notifier

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// TestNotice is what a sink is told to try it: it says at once that nothing has happened.
func TestNotice(at time.Time, environment string, severity Severity) Notice {
	return Notice{
		ID: "test-" + at.UTC().Format("20060102T150405.000Z"), At: at, Kind: KindTest, Severity: severity, Environment: environment,
		Title:  "TEST: nothing has happened",
		Text:   "Somebody tries whether the notices of rollbackd arrive here.",
		Action: "Nothing was done. Somebody tries whether the notices of rollbackd arrive here.",
		Next:   "Nothing: whoever sent this test wants to know that you read it.",
	}
}

// Try tells a receiver one notice, once, and returns what came of it. It returns soon after the deadline, whatever the sink does.
func Try(ctx context.Context, r Receiver, n Notice, deadline time.Duration) error {
	n = n.bounded()
	n.Message = r.Template.render(n)
	d := &Dispatcher{opts: Options{Deadline: deadline, Logger: zap.NewNop()}}
	l := &lane{Dispatcher: d, Receiver: r}
	_, err := l.attempt(ctx, func(ctx context.Context) (bool, error) { return r.Sink.Notify(ctx, n) })
	return err
}
