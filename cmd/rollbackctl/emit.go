package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/event"
)

// emit announces one deployment.
type emit struct {
	around     surroundings
	connection connection
	document   document
	output     output
	wait       time.Duration
}

// emitted is what emit tells of an announcement that the stream has stored.
type emitted struct {
	Subject  string `json:"subject"`
	Stream   string `json:"stream"`
	Sequence uint64 `json:"sequence"`
	// Rejection is set if rollbackd refused the event while emit was waiting.
	Rejection *event.Notice `json:"rejection,omitempty"`
}

func newEmit(around surroundings) *cobra.Command {
	e := &emit{around: around}
	cmd := &cobra.Command{
		Use:   "emit",
		Short: "Announce a deployment",
		Long: "Emit publishes one deployment event, given by flags or as a JSON document, and waits until it is stored.\n\n" +
			"It does not wait for what comes of the deployment.",
		Example: "  rollbackctl emit --env production --namespace shop --workload checkout --version v1.2.3\n" +
			"  rollbackctl emit -f event.json --wait 5s",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	exclusive := e.document.register(flags)
	for _, name := range exclusive {
		cmd.MarkFlagsMutuallyExclusive("file", name)
	}
	e.connection.register(flags)
	e.output.register(flags)
	flags.DurationVar(&e.wait, "wait", 0, "also wait this long for a rejection by rollbackd, and exit with 1 if one comes")
	return cmd
}

func (e *emit) run(ctx context.Context) error {
	if e.wait < 0 {
		return fmt.Errorf("--wait %s is less than nothing", e.wait)
	}
	payload, err := e.document.payload(e.around.in, time.Now())
	if err != nil {
		return err
	}
	announced, err := event.Parse(payload)
	if rejection, no := errors.AsType[*event.Rejection](err); no {
		return e.refuse(rejection)
	}
	if err := e.connection.complete(e.around.env); err != nil {
		return err
	}
	publisher, err := newPublisher(ctx, e.connection, announced.Target())
	if err != nil {
		return err
	}
	defer publisher.close()
	if e.wait > 0 {
		publisher.listen()
	}
	ack, err := publisher.publish(payload)
	if _, open := errors.AsType[unsure](err); open {
		return fmt.Errorf("%w; %s", err, e.document.again(announced))
	}
	if err != nil {
		return err
	}
	return e.report(ctx, publisher, emitted{Subject: ack.subject, Stream: ack.stream, Sequence: ack.sequence})
}

// refuse says what rollbackd would, of an event that need not be published for that.
func (e *emit) refuse(r *event.Rejection) error {
	if e.output == outputJSON {
		document := struct {
			Rejection *event.Rejection `json:"rejection"`
		}{r}
		if err := writeJSON(e.around.out, document); err != nil {
			return err
		}
	}
	return refusal{fmt.Errorf("nothing was published, as the event would be rejected: %s: %w", r.Code, r)}
}

// report says what was stored and, if it was asked to wait, what was rejected. Text comes at once; a program gets one
// document at the end.
func (e *emit) report(ctx context.Context, publisher *publisher, result emitted) error {
	if e.output == outputText {
		fmt.Fprintf(e.around.out, "stored on %s as %s %d\n", result.Subject, result.Stream, result.Sequence)
	}
	failed := e.await(ctx, publisher, &result)
	if e.output == outputJSON { // also if waiting failed: the event is stored
		if err := writeJSON(e.around.out, result); err != nil {
			return err
		}
	}
	if failed != nil {
		return failed
	}
	if result.Rejection != nil {
		return refusal{fmt.Errorf("rejected by rollbackd %s: %s: %w", result.Rejection.Instance, result.Rejection.Code,
			&result.Rejection.Rejection)}
	}
	return nil
}

// await waits for a rejection, if it was asked to and can.
func (e *emit) await(ctx context.Context, publisher *publisher, result *emitted) (err error) {
	if e.wait == 0 {
		return nil
	}
	if publisher.deaf != nil {
		fmt.Fprintln(e.around.err, "rollbackctl: cannot wait for rejections:", publisher.deaf)
		return nil
	}
	result.Rejection, err = publisher.rejection(ctx, result.Sequence, e.wait)
	return err
}
