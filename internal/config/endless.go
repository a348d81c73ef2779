package config

import (
	"slices"

	"github.com/rollbackd/rollbackd/notifier"
)

// This file warns of routes by which somebody learns that an incident began and never that it is over.

// begins are the kinds that open an incident at a receiver, or keep it open; ends are those that close it.
func begins() []notifier.Kind {
	return []notifier.Kind{notifier.KindRegressed, notifier.KindAwaiting, notifier.KindRollingBack, notifier.KindUnresolved}
}

func ends() []notifier.Kind { return []notifier.Kind{notifier.KindResolved, notifier.KindRolledBack} }

// endless warns of each route that takes what begins an incident to a sink which no route tells of its end.
func (c *Config) endless(warn func(path []any, format string, args ...any)) {
	for i, r := range c.Notify.Routes {
		if !slices.ContainsFunc(begins(), func(k notifier.Kind) bool { return slices.Contains(r.Kinds, k) }) {
			continue // without any kind it takes all
		}
		for _, end := range ends() {
			for _, sink := range r.Sinks {
				if !slices.ContainsFunc(c.Notify.Routes, func(o NotifyRoute) bool {
					return slices.Contains(o.Sinks, sink) && (len(o.Kinds) == 0 || slices.Contains(o.Kinds, end))
				}) {
					warn([]any{"notify", "routes", i, "kinds"}, "do not have %q, so that %q is told that an incident began and keeps it open when it is over; add %s", string(end), sink, end)
				}
			}
		}
	}
}
