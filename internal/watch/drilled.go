package watch

import (
	"context"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// drilled records what a drill came to, in the annex of its watch: the first to say so counts, and who asks again after an answer that was
// lost changes nothing. Nothing is decided by it.
func (s *Supervisor) drilled(ctx context.Context, in control.Asked) control.Reply {
	w, known := s.Get(in.Watch)
	switch {
	case !known || w.Event.Target() != in.Target:
		return control.Refuse(control.CodeUnknown, "there is no watch %s of %s/%s", event.Quote(in.Watch), in.Target.Namespace, in.Target.Workload)
	case !w.Event.Drill:
		return control.Refuse(control.CodeState, "the watch of %s is of no drill", w.name())
	}
	result := incident.Drilled(*in.Drilled)
	if err := s.annex(ctx, w, "drilled", incident.Entry{Kind: incident.KindDrilled, Actor: in.By, Drilled: &result}); err != nil {
		return control.Refuse(control.CodeBusy, "it is not known whether it was recorded; ask again: %v", err)
	}
	return control.Reply{OK: true, Watch: w.Key, Message: "the result of the drill is on record"}
}
