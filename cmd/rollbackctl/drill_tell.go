package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/drill"
	"github.com/rollbackd/rollbackd/rollback"
)

// conclude writes the result.
func (r *rehearsal) conclude(result drill.Result) error {
	if r.output == outputJSON {
		return writeJSON(r.around.out, result)
	}
	out := r.around.out
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nSTEP\tAFTER\tTARGET")
	fmt.Fprintln(w, "bad version deployed\t0s\t")
	targets := map[string]time.Duration{drill.StepDecided: r.targets.Detect, drill.StepRecovered: r.targets.Recover}
	for _, s := range result.Steps {
		target := ""
		if t := targets[s.Name]; t > 0 {
			target = t.String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, time.Duration(s.After*float64(time.Second)).Round(100*time.Millisecond), target)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if result.Unrecorded != "" {
		fmt.Fprintln(out, "\n* the record does not have this result:", plain(result.Unrecorded))
	}
	fmt.Fprintf(out, "\nput back by %s; on record as %s\n", result.RestoredBy, plain(cmp.Or(result.Record, result.Watch, "nothing")))
	if result.Passed {
		fmt.Fprintln(out, "PASSED")
		return nil
	}
	for _, missed := range result.Missed {
		fmt.Fprintln(out, "*", plain(missed))
	}
	fmt.Fprintln(out, "MISSED")
	return nil
}

// keep has the daemon put the result into the record of the drill, and returns why it has not; empty if it has.
func (r *rehearsal) keep(ctx context.Context, d rehearsed, result drill.Result) string {
	if result.Watch == "" {
		return "nothing watched the drill"
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordFor)
	defer cancel()
	kept := result.ForRecord()
	reply, err := r.ask(bounded, control.Drilled, d.target, control.Request{Watch: result.Watch, Drilled: &kept})
	switch {
	case err != nil:
		return err.Error()
	case !reply.OK:
		return reply.Message
	}
	return ""
}

// endLeft ends a drill whose version was left live, by whoever began it.
func (r *rehearsal) endLeft(ctx context.Context, d rehearsed) error {
	found, err := d.cluster.FindDrill(ctx, d.Workload)
	if errors.Is(err, rollback.ErrNoDrill) {
		return refusal{err}
	}
	if err != nil {
		return err
	}
	d.Drill = found
	diff, err := found.UndoDiff()
	if err != nil {
		return err
	}
	fmt.Fprintf(r.talk(), "%s runs the version of %s.\n\n%s\n", d.Workload, plain(found.ID), diff)
	if err := r.confirm(fmt.Sprintf("Put %s back to %s?", d.Workload, plain(found.GoodVersion()))); err != nil {
		return err
	}
	ended, err := d.cluster.End(ctx, found, time.Now())
	if err != nil {
		return err
	}
	if r.output == outputJSON {
		return writeJSON(r.around.out, map[string]string{"id": found.ID, "end": string(ended)})
	}
	fmt.Fprintf(r.around.out, "%s: %s\n", d.Workload, ended)
	return nil
}
