// Package policytest tries policies on made-up series: scenarios in the notation of promtool's unit tests, each with a
// deployment and the verdict that it should come to.
//
// They are judged by what judges past deployments (internal/backtest), which asks Prometheus' own engine over the series of the
// scenario in the place of a server.
package policytest

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/backtest"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// start is when all series begin. Ticks lie on whole multiples of their interval, and so do its samples.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Test is one scenario.
type Test struct {
	File, Name string

	policies []watch.Policy
	interval time.Duration
	series   store
	// steps is the number of values of the longest series.
	steps  int
	event  event.Event
	expect Expectation
}

// Expectation is what should come of a deployment. What is nil or empty is not looked at.
type Expectation struct {
	Verdict analyzer.Verdict `json:"verdict"`
	// Signal is the one that decides; empty where none does.
	Signal *string `json:"signal,omitempty"`
	// Between is when the verdict must be reached.
	Between *Between `json:"between,omitempty"`
	// Reason is a regular expression that the reason must match somewhere.
	Reason string `json:"reason,omitempty"`
	// AsksAPerson is whether a person would be asked, as the evidence does not suffice to act.
	AsksAPerson *bool `json:"asksAPerson,omitempty"`

	reason *regexp.Regexp
}

// Between is a span of time after the deployment, its ends included.
type Between [2]model.Duration

// String returns the span as people write it.
func (b Between) String() string {
	return b[0].String() + " to " + b[1].String()
}

// Result is what came of a test.
type Result struct {
	Test
	Outcome backtest.Outcome
	// Failures says what was expected and did not come; empty if the test passed.
	Failures []string
}

// end is the time of the last value.
func (t Test) end() time.Time { return start.Add(time.Duration(t.steps-1) * t.interval) }

// Run judges the test's deployment.
func (t Test) Run(ctx context.Context) (Result, error) {
	engine := newEngine()
	defer engine.Close()
	client, err := server{engine: engine, series: t.series}.client()
	if err != nil {
		return Result{}, err
	}
	opts := backtest.Options{Source: analyzer.NewSampler(client, timeout), Policies: t.policies, Now: t.end(), Courses: true}
	out := backtest.Replay(ctx, opts, t.event, backtest.Surrounding{Others: []event.Event{t.event}})
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	r := Result{Test: t, Outcome: out}
	r.Failures = t.expect.failures(out, r.After())
	return r, nil
}

// After is how long after the deployment the verdict was reached; nil if there is none.
func (r Result) After() *time.Duration {
	if r.Outcome.DecidedAt == nil {
		return nil
	}
	after := r.Outcome.DecidedAt.Sub(r.event.Timestamp)
	return &after
}

// failures compares what came with what was expected.
func (e Expectation) failures(out backtest.Outcome, after *time.Duration) []string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if out.Verdict != e.Verdict {
		say("the verdict is %s, not %s", out.Verdict, e.Verdict)
	}
	if e.Signal != nil && out.Signal != *e.Signal {
		say("it is by %s, not by %s", orNone(out.Signal), orNone(*e.Signal))
	}
	switch {
	case e.Between == nil:
	case after == nil:
		say("there was no decision")
	case *after < time.Duration(e.Between[0]):
		say("it came %s after the deployment, %s too early", *after, time.Duration(e.Between[0])-*after)
	case *after > time.Duration(e.Between[1]):
		say("it came %s after the deployment, %s too late", *after, *after-time.Duration(e.Between[1]))
	}
	if e.reason != nil && !e.reason.MatchString(out.Reason) {
		say("the reason does not match %q", e.Reason)
	}
	if e.AsksAPerson != nil && out.Evidence.Asks != *e.AsksAPerson {
		say("%s", map[bool]string{true: "a person would be asked", false: "no person would be asked"}[out.Evidence.Asks])
	}
	return all
}

func orNone(signal string) string {
	if signal == "" {
		return "no signal"
	}
	return signal
}

// String says what is expected: "REGRESSED by errors, 45s to 2m after the deployment".
func (e Expectation) String() string {
	text := []string{string(e.Verdict)}
	if e.Signal != nil {
		text[0] += " by " + orNone(*e.Signal)
	}
	if e.Between != nil {
		text = append(text, e.Between.String()+" after the deployment")
	}
	if e.AsksAPerson != nil {
		text = append(text, map[bool]string{true: "asking a person", false: "asking nobody"}[*e.AsksAPerson])
	}
	if e.Reason != "" {
		text = append(text, fmt.Sprintf("with a reason like %q", e.Reason))
	}
	return strings.Join(text, ", ")
}
