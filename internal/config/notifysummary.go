package config

import (
	"slices"
	"strings"

	"github.com/rollbackd/rollbackd/notifier"
)

// NotifySummary is what the pipeline by which people are told comes to.
type NotifySummary struct {
	Sinks  []SinkSummary  `json:"sinks"`
	Routes []RouteSummary `json:"routes"`
	// Log says that the daemon's log gets every notice.
	Log bool `json:"log"`
}

// SinkSummary is one receiver.
type SinkSummary struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// RouteSummary is one route, with what it takes spelt out.
type RouteSummary struct {
	// Match are environment/namespace/workload as patterns.
	Match      []string            `json:"match"`
	Severities []notifier.Severity `json:"severities"`
	// Kinds are those that it is narrowed to; empty means all.
	Kinds []notifier.Kind `json:"kinds"`
	Sinks []string        `json:"sinks"`
	To    []notifier.Role `json:"to"`
}

// NotifySummary says who is told what.
func (c *Config) NotifySummary() NotifySummary {
	out := NotifySummary{Sinks: []SinkSummary{}, Routes: []RouteSummary{}, Log: !c.Notify.Logs()}
	for _, s := range c.Notify.Sinks {
		out.Sinks = append(out.Sinks, SinkSummary{Name: s.Name, Kind: s.given()[0].key})
	}
	if len(out.Sinks) == 0 {
		return out
	}
	for _, r := range c.NotifyRoutes() {
		s := RouteSummary{Match: []string{}, Severities: r.Severities, Kinds: r.Kinds, Sinks: r.Sinks, To: r.To}
		for _, m := range r.Match {
			s.Match = append(s.Match, pattern(m.Environment)+"/"+pattern(m.Namespace)+"/"+pattern(m.Workload))
		}
		if len(s.Match) == 0 {
			s.Match = []string{"*/*/*"}
		}
		if len(s.Severities) == 0 {
			s.Severities = notifier.Severities()
		}
		if s.Kinds == nil {
			s.Kinds = []notifier.Kind{}
		}
		if s.To == nil {
			s.To = []notifier.Role{}
		}
		out.Routes = append(out.Routes, s)
	}
	return out
}

// unheard warns of what reaches nobody: sinks that no route leads to, environments of which a page may go nowhere, and roles that nobody can have.
func (c *Config) unheard(warn func(path []any, format string, args ...any)) {
	if len(c.Notify.Sinks) == 0 {
		return // everything is in the log, and nobody expects more
	}
	routes := c.NotifyRoutes()
	for i, s := range c.Notify.Sinks {
		if !slices.ContainsFunc(routes, func(r notifier.Route) bool { return slices.Contains(r.Sinks, s.Name) }) {
			warn([]any{"notify", "sinks", i}, "%q gets nothing, because no route leads to it; add it to the sinks of one", s.Name)
		}
	}
	for _, e := range c.Environments {
		if missing := unpaged(routes, e); len(missing) > 0 {
			warn([]any{"notify", "routes"}, "pages of environment %s reach no sink (%s) unless a narrower route takes them; add a route with severities: [page] and no match, or one of the environment alone",
				e, strings.Join(missing, ", "))
		}
	}
	for i, r := range c.Notify.Routes {
		if len(r.To) > 0 && c.Notify.Contacts == "" {
			warn([]any{"notify", "routes", i, "to"}, "names nobody, because notify.contacts is not given, which says who has which role")
		}
	}
	c.unaddressed(warn)
}

// unpaged are the kinds of pages of an environment that some workload's would reach no sink.
func unpaged(routes []notifier.Route, environment string) []string {
	var out []string
	for _, kind := range []notifier.Kind{notifier.KindAwaiting, notifier.KindRolledBack, notifier.KindUnresolved, notifier.KindOther} {
		covered := slices.ContainsFunc(routes, func(r notifier.Route) bool {
			return (len(r.Severities) == 0 || slices.Contains(r.Severities, notifier.Page)) && (len(r.Kinds) == 0 || slices.Contains(r.Kinds, kind)) &&
				(len(r.Match) == 0 || slices.ContainsFunc(r.Match, func(m notifier.Match) bool {
					return covers(m.Environment, environment) && covers(m.Namespace, "*") && covers(m.Workload, "*")
				}))
		})
		if !covered {
			out = append(out, string(kind))
		}
	}
	return out
}
