package watch

import (
	"context"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what an order of a person means for a release that a switch of a Service has brought live.

// asSwitched has an order be about the switch that brought the release live, where an earlier watch followed one and the
// Service still chooses so: the way back is the other colour then. The Deployment's own earlier revision is what was there two
// releases ago.
func (s *Supervisor) asSwitched(ctx context.Context, e event.Event, snapshot rollback.Snapshot) (event.Event, rollback.Snapshot, error) {
	for _, o := range s.Watches() {
		sw := o.blueGreen()
		if sw == nil || o.Event.Target() != e.Target() || o.workload() != snapshot.Workload || o.Pin == nil ||
			o.Pin.WorkloadUID != snapshot.UID || !rollback.ContainersEqual(o.Pin.Release.Template, snapshot.Template) {
			continue
		}
		switched, err := s.opts.Cluster.Read(ctx, snapshot.Workload, sw)
		if err != nil {
			return e, snapshot, err
		}
		if live := switched.Switch; live == nil || live.Selector[sw.SelectorKey] != sw.To {
			continue
		}
		e.Strategy, e.Service, e.SelectorKey, e.From, e.To = o.Event.Strategy, o.Event.Service, o.Event.SelectorKey, o.Event.From, o.Event.To
		return e, switched, nil
	}
	return e, snapshot, nil
}
