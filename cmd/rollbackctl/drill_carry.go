package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/drill"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

const (
	// acceptedWithin is how long the watch of what was announced is waited for, and lookPause the time between two looks.
	acceptedWithin = 20 * time.Second
	lookPause      = 200 * time.Millisecond
	// restoreFor is how long it is tried to put the good template back, and restorePause the time between two tries.
	restoreFor   = 3 * time.Minute
	restorePause = time.Second
	// recordFor is how long the record of the drill is waited for.
	recordFor = 15 * time.Second
)

// rehearse carries a drill out. It is announced before anything is changed: from then on rollbackd takes the bad version back, also if
// nobody is there any more who could. Whatever happens in between, at its end the good version is put back if it is not.
func (r *rehearsal) rehearse(ctx context.Context, d rehearsed, kind event.Kind) error {
	last, err := r.announce(ctx, d, kind)
	if err != nil {
		r.withdraw(ctx, d, last)
		return err
	}
	d.applied = time.Now().Add(d.ahead).UTC()
	failed := d.cluster.Begin(ctx, d.Drill)
	if failed == nil {
		fmt.Fprintf(r.talk(), "%s  the bad version is deployed as %s\n", d.applied.Format(time.TimeOnly), d.ID)
		last, failed = r.followDrill(ctx, d, last)
	}
	if failed != nil {
		fmt.Fprintln(r.around.err, "rollbackctl:", failed)
	}
	by, err := r.end(ctx, d, last)
	r.withdraw(ctx, d, last)
	result := drill.Result{
		ID: d.ID, Environment: d.target.Environment, Namespace: d.target.Namespace, Workload: d.target.Workload, Kind: d.Workload.Kind.String(),
		Version: d.Version(), Policy: d.policy, AppliedAt: d.applied, RestoredBy: by,
	}.Conclude(r.record(ctx, d, last), r.targets)
	result.Unrecorded = r.keep(ctx, d, result)
	if told := r.conclude(result); told != nil {
		return told
	}
	switch {
	case err != nil:
		return fmt.Errorf("the bad version may still be live: %w; end it with rollbackctl drill %s --env %s --restore", err, d.Workload, d.target.Environment)
	case !result.Passed:
		return refusal{errors.New("the drill was not passed")}
	}
	return nil
}

// announce publishes the drill and waits until its watch is there, which waits for the version to be live.
func (r *rehearsal) announce(ctx context.Context, d rehearsed, kind event.Kind) (watch.View, error) {
	p, err := newPublisher(ctx, r.connection, d.target)
	if err != nil {
		return watch.View{}, err
	}
	defer p.close()
	p.listen()
	var payload bytes.Buffer
	if err := writeJSON(&payload, event.Event{
		ID: d.ID, Timestamp: time.Now().Add(d.ahead).UTC().Truncate(time.Second), Environment: d.target.Environment, Namespace: d.target.Namespace,
		Workload: d.target.Workload, Kind: kind, Version: d.Version(), PreviousVersion: d.GoodVersion(), Operator: r.name, Drill: true,
	}); err != nil {
		return watch.View{}, err
	}
	ack, err := p.publish(bytes.TrimSpace(payload.Bytes()))
	if err != nil {
		return watch.View{}, fmt.Errorf("nothing was changed, because the drill cannot be announced: %w", err)
	}
	bounded, cancel := context.WithTimeout(ctx, acceptedWithin)
	defer cancel()
	for {
		views, _, err := r.watches(bounded, d.target, "")
		if v, found := d.watchIn(views); found {
			return v, nil
		}
		if err == nil {
			err = rejected(bounded, p, ack)
		}
		if err != nil && bounded.Err() == nil {
			return watch.View{}, fmt.Errorf("nothing was changed: %w", err)
		}
		if bounded.Err() != nil {
			return watch.View{}, fmt.Errorf("nothing was changed, because rollbackd has not begun to watch within %s what was announced", acceptedWithin)
		}
	}
}

// rejected waits a moment for the daemon's refusal of the event.
func rejected(ctx context.Context, p *publisher, ack stored) error {
	if p.deaf != nil {
		sleepFor(ctx, lookPause)
		return nil
	}
	notice, err := p.rejection(ctx, ack.sequence, lookPause)
	if err != nil || notice == nil {
		return nil // the watch is there soon, or never
	}
	return refusal{fmt.Errorf("rollbackd rejects the drill: %w", &notice.Rejection)}
}

// watchIn finds the watch of the drill.
func (d rehearsed) watchIn(views []watch.View) (watch.View, bool) {
	for _, v := range views {
		if v.EventID == d.ID {
			return v, true
		}
	}
	return watch.View{}, false
}

// withdraw ends a watch that waits in vain for the version of the drill. If that cannot be done it ends by itself, later.
func (r *rehearsal) withdraw(ctx context.Context, d rehearsed, last watch.View) {
	if last.State != watch.Pending {
		return
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordFor)
	defer cancel()
	_, _ = r.ask(bounded, control.Abort, d.target, control.Request{Watch: last.ID, Reason: "the drill was not carried out"})
}

func sleepFor(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// followDrill tells of each state of the drill's watch. That the daemon does not answer is no reason to give up before it is time to.
func (r *rehearsal) followDrill(ctx context.Context, d rehearsed, last watch.View) (watch.View, error) {
	patience := time.NewTimer(r.restoreAfter)
	defer patience.Stop()
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	extended := false
	var silent error
	for {
		select {
		case <-ticker.C:
		case <-patience.C:
			return last, r.overdue(last, silent)
		case <-ctx.Done():
			return last, errors.New("stopped")
		}
		var views []watch.View
		if views, _, silent = r.watches(ctx, d.target, ""); silent != nil {
			continue
		}
		if v, found := d.watchIn(views); found {
			if v.State != last.State {
				fmt.Fprintf(r.talk(), "%s  %s: %s\n", v.Since.UTC().Format(time.TimeOnly), v.State, plain(v.Reason))
			}
			last = v
		}
		switch {
		case last.Final:
			return last, nil
		case last.State == watch.AwaitingApproval:
			return last, errors.New("rollbackd waits for a person: " + plain(last.Reason))
		case !last.LandedAt.IsZero() && !extended: // the bad version is gone, and whether that helped takes its time
			extended = true
			patience.Reset(r.restoreAfter)
		}
	}
}

// overdue says what was waited for in vain.
func (r *rehearsal) overdue(last watch.View, silent error) error {
	switch {
	case silent != nil:
		return fmt.Errorf("rollbackd has not rolled it back within %s: %w", r.restoreAfter, silent)
	case !last.LandedAt.IsZero():
		return fmt.Errorf("rollbackd has rolled it back, and does not know after another %s whether that helped", r.restoreAfter)
	}
	return fmt.Errorf("rollbackd has not rolled it back within %s: its watch is %s (%s)", r.restoreAfter, last.State, plain(last.Reason))
}

// end makes sure that the good version is back, also when the command is being stopped.
func (r *rehearsal) end(ctx context.Context, d rehearsed, last watch.View) (drill.Restorer, error) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreFor)
	defer cancel()
	for said := false; ; {
		ended, err := d.cluster.End(bounded, d.Drill, time.Now())
		if err == nil {
			return r.toldEnd(d, ended, last), nil
		}
		if !said {
			said = true
			fmt.Fprintln(r.around.err, "rollbackctl: the good version cannot be put back yet, and is tried for", restoreFor, "-", err)
		}
		select {
		case <-time.After(restorePause):
		case <-bounded.Done():
			return drill.ByNobody, err
		}
	}
}

// toldEnd tells who put the good version back.
func (r *rehearsal) toldEnd(d rehearsed, ended rollback.DrillEnd, last watch.View) drill.Restorer {
	switch {
	case ended == rollback.DrillUndone:
		fmt.Fprintf(r.talk(), "%s  rollbackctl has put %s back to %s\n", time.Now().Add(d.ahead).UTC().Format(time.TimeOnly), d.Workload, plain(d.GoodVersion()))
		return drill.ByRollbackctl
	case ended == rollback.DrillOver && !last.LandedAt.IsZero():
		return drill.ByRollbackd
	}
	fmt.Fprintf(r.talk(), "the version of the drill is not live any more, and nothing was changed (%s)\n", ended)
	return drill.BySomebody
}

// record is what the daemon has on record of the drill once its watch has ended; else what was seen of it.
func (r *rehearsal) record(ctx context.Context, d rehearsed, last watch.View) incident.Digest {
	seen := incident.Digest{Watch: last.ID, Incident: last.Incident, State: string(last.State), Reason: last.Reason, Times: incident.DigestTimes{Started: last.T0, Landed: last.LandedAt}}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordFor)
	defer cancel()
	for bounded.Err() == nil {
		digests, err := r.digests(bounded, d.target.Namespace, control.Reading{Since: d.applied.Add(-time.Hour), All: true})
		for _, found := range digests {
			if found.Watch == last.ID && found.Final {
				return found
			}
		}
		if err != nil {
			break
		}
		sleepFor(bounded, followEvery)
	}
	return seen
}
