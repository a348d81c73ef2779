package notifier

import (
	"path"
	"slices"
	"strings"
)

// Route says which notices go to which sinks. A notice goes to the sinks of all routes that take it.
type Route struct {
	// Match are shell patterns of which one must fit; without any, all notices do.
	Match []Match
	// Severities and Kinds are those that the route takes; empty means all.
	Severities []Severity
	Kinds      []Kind
	// Sinks are the names of the sinks, To the roles whose people it is for.
	Sinks []string
	To    []Role
}

// Match are shell patterns, as path.Match has them; an empty one fits everything. A notice that is about no workload in particular has no
// namespace, and fits only a pattern that is empty or "*".
type Match struct{ Environment, Namespace, Workload string }

// takes reports whether the route takes the notice.
func (r Route) takes(n Notice) bool {
	if len(r.Severities) > 0 && !slices.Contains(r.Severities, n.Severity) && !closes(n) || len(r.Kinds) > 0 && !slices.Contains(r.Kinds, n.Kind) {
		return false
	}
	return len(r.Match) == 0 || slices.ContainsFunc(r.Match, func(m Match) bool { return m.Fits(n) })
}

// Fits reports whether the patterns fit what a notice is about.
func (m Match) Fits(n Notice) bool {
	namespace, workload, _ := strings.Cut(n.Workload, "/")
	return fits(m.Environment, n.Environment) && fits(m.Namespace, namespace) && fits(m.Workload, workload)
}

func fits(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return pattern == "" || err == nil && ok
}

// closes reports whether a notice says that an incident is over which no rollback ended. It is only information, but whoever was told that the
// incident began must hear it: a pager would show it as open for ever.
func closes(n Notice) bool { return n.Kind == KindResolved && n.Incident != "" && !n.Open }

// Addressed are the sinks that a notice goes to, each with the roles that it is for there.
type Addressed map[string][]Role

// Address returns whom the routes send a notice to.
func Address(routes []Route, n Notice) Addressed {
	out := Addressed{}
	for _, r := range routes {
		if !r.takes(n) {
			continue
		}
		for _, sink := range r.Sinks {
			roles := out[sink]
			for _, role := range r.To {
				if !slices.Contains(roles, role) {
					roles = append(roles, role)
				}
			}
			out[sink] = roles
		}
	}
	return out
}
