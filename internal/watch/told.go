package watch

import (
	"context"
	"regexp"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
)

// This file records what came of telling people, in the annex of the watch that they were told of. Nothing waits for it: where the record cannot
// be written for long, what is too much is left out of it, and the log and the metrics still tell.

// mostUnrecorded is how many deliveries may wait to be recorded.
const mostUnrecorded = 4096

// Told takes in what came of telling a sink something of a watch. It never blocks.
func (s *Supervisor) Told(d notifier.Delivery) {
	select {
	case s.toldOf <- &d:
	default:
		s.opts.Log.Warn("what came of a notice is not recorded: too much waits to be", zap.String("watch", d.Notice.Watch),
			zap.String("sink", d.Sink), zap.String("result", string(d.Result)))
	}
}

// recordTold records deliveries until ctx ends.
func (s *Supervisor) recordTold(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-s.toldOf:
			s.recordOne(ctx, *d)
		}
	}
}

// recordOne tries until it is recorded.
func (s *Supervisor) recordOne(ctx context.Context, d notifier.Delivery) {
	e := incident.Entry{Kind: incident.KindTold, Told: &incident.Told{
		Notice: d.Notice.ID, Sink: d.Sink, Severity: string(d.Notice.Severity), Title: d.Notice.Title,
		Result: string(d.Result), Detail: d.Detail, Attempts: d.Attempts, At: d.At.UTC(),
	}}
	w, ok := s.Get(d.Notice.Watch)
	if !ok { // such as one that is known by the mark on its workload alone
		return
	}
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		bounded, cancel := context.WithTimeout(ctx, effectTimeout)
		err := s.annex(bounded, w, toldID(d), e)
		cancel()
		if err == nil || ctx.Err() != nil {
			return
		}
		s.opts.Log.Warn("what came of a notice could not be recorded; trying again", zap.String("watch", w.Key), zap.Error(err), zap.Duration("in", pause))
		if !sleep(ctx, pause) {
			return
		}
	}
}

// toldID names the entry: one for each notice, sink and result, so that one that was told once more after a crash is not recorded again.
func toldID(d notifier.Delivery) string {
	return "told-" + regexp.MustCompile(`[^A-Za-z0-9_=-]`).ReplaceAllString(d.Notice.ID+"-"+d.Sink+"-"+string(d.Result), "_")
}
