package notifier

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// refresher tells a stateful sink again which incidents are open.
type refresher struct {
	lane   *lane
	sink   Stateful
	ticker *time.Ticker
	first  chan time.Time
}

func (l *lane) refresher() *refresher {
	sink, ok := l.Sink.(Stateful)
	if !ok || l.incidents == nil {
		return &refresher{}
	}
	r := &refresher{lane: l, sink: sink, ticker: time.NewTicker(max(sink.Every(), time.Second)), first: make(chan time.Time, 1)}
	r.first <- time.Now()
	return r
}

// due yields when the sink is to be told again: at once, and then at its pace.
func (r *refresher) due() <-chan time.Time {
	switch {
	case r.sink == nil:
		return nil
	case len(r.first) > 0:
		return r.first
	}
	return r.ticker.C
}

func (r *refresher) stop() {
	if r.sink != nil {
		r.ticker.Stop()
	}
}

func (r *refresher) call(work context.Context) {
	open := r.lane.newestOf(r.lane.incidents.Open())
	_, err := r.lane.attempt(work, func(ctx context.Context) (bool, error) { return true, r.sink.Refresh(ctx, open) })
	if err != nil && work.Err() == nil {
		r.lane.opts.Metrics.refreshes.WithLabelValues(r.lane.name()).Inc()
		r.lane.opts.Logger.Warn("a sink could not be told again which incidents are open", zap.String("sink", r.lane.name()), zap.String("error", oneLine(err.Error())))
	}
}

// newestOf returns of each incident the newest notice that is for this sink, as the sink gets it.
func (l *lane) newestOf(open []Notice) []Notice {
	place := map[string]int{}
	var out []Notice
	for _, n := range open {
		n = n.bounded()
		roles, ok := Address(l.opts.Routes, n)[l.name()]
		if !ok {
			continue
		}
		if l.opts.Directory != nil && l.Medium != "" {
			n.To = l.opts.Directory.Recipients(n, roles, l.Medium)
		}
		n.Message = l.Template.render(n)
		if i, seen := place[n.Incident]; seen {
			out[i] = n
			continue
		}
		place[n.Incident] = len(out)
		out = append(out, n)
	}
	return out
}
