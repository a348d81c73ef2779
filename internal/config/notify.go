package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/notifier"
)

// Notify says who is told what. The daemon's log gets every notice, unless a sink of the kind log is configured: then that gets what the
// routes say.
type Notify struct {
	// Sinks are the receivers: each has a name and one block that says of what kind it is.
	Sinks []NotifySink `yaml:"sinks"`
	// Routes say which notices go to which sinks; a notice goes to the sinks of all routes that take it. Without any, what is a warning or
	// a page goes to every sink, and what is only information to none.
	Routes []NotifyRoute `yaml:"routes"`
	// Contacts is a file that says who has which role, and by what address each kind of sink knows them; it is read again when it changes.
	// Its form is in docs/notifications.md.
	Contacts string `yaml:"contacts"`
	// GiveUpAfter is for how long a notice is tried again at a sink that does not take it; then it is a dead letter, which is
	// kept for 30 days. Default 24h.
	GiveUpAfter model.Duration `yaml:"giveUpAfter"`
}

// NotifyRoute says which notices go to which sinks.
type NotifyRoute struct {
	// Match selects by shell patterns whose notices it takes; without any, all. A notice of no workload in particular is taken only where
	// namespace and workload are left out or "*".
	Match []Match `yaml:"match"`
	// Severities are those that it takes; all if there are none. That an incident is over is taken whatever its severity, because whoever heard that
	// it began must hear it.
	Severities []notifier.Severity `yaml:"severities"`
	// Kinds are those that it takes; all if there are none.
	Kinds []notifier.Kind `yaml:"kinds"`
	// Sinks are the names of those that it takes them to. Required.
	Sinks []string `yaml:"sinks"`
	// To are the roles whose people they are for. Sinks that know them by the contacts name them, or write to them.
	To []notifier.Role `yaml:"to"`
}

func defaultNotify() Notify { return Notify{GiveUpAfter: model.Duration(24 * time.Hour)} }

func (n Notify) check(k *checker) {
	names := n.checkSinks(k)
	for i, r := range n.Routes {
		r.check(k, func(path ...any) []any { return append([]any{"notify", "routes", i}, path...) }, names)
	}
	k.positive([]any{"notify", "giveUpAfter"}, n.GiveUpAfter)
}

func (n Notify) checkSinks(k *checker) []string {
	var names []string
	for i, s := range n.Sinks {
		field := func(path ...any) []any { return append([]any{"notify", "sinks", i}, path...) }
		if !policyName.MatchString(s.Name) || slices.Contains(names, s.Name) {
			k.say(field("name"), "%q is not a name of its own of up to 63 letters, digits, dots, dashes and underscores", s.Name)
		}
		if s.Name == "log" && s.Log == nil {
			k.say(field("name"), "%q is the name of the daemon's own log; choose another", s.Name)
		}
		names = append(names, s.Name)
		s.check(k, field)
	}
	return names
}

func (r NotifyRoute) check(k *checker, field func(...any) []any, sinks []string) {
	k.patterns(field, r.Match)
	if len(r.Sinks) == 0 {
		k.say(field("sinks"), "is empty; name the sinks that it takes its notices to")
	}
	for i, s := range r.Sinks {
		oneOf(k, field("sinks", i), "a sink's name", s, sinks)
	}
	for i, s := range r.Severities {
		oneOf(k, field("severities", i), "a severity", s, notifier.Severities())
	}
	for i, s := range r.Kinds {
		oneOf(k, field("kinds", i), "a kind of notice", s, notifier.Kinds())
	}
	for i, s := range r.To {
		oneOf(k, field("to", i), "a role", s, notifier.Roles())
	}
}

// oneOf says so where a value is none of those that it may be.
func oneOf[T ~string](k *checker, at []any, what string, value T, allowed []T) {
	if slices.Contains(allowed, value) {
		return
	}
	var names []string
	for _, a := range allowed {
		names = append(names, string(a))
	}
	if len(names) == 0 {
		k.say(at, "%q is not %s: there are none", string(value), what)
		return
	}
	k.say(at, "%q is not %s; use one of %s", string(value), what, strings.Join(names, ", "))
}

// NotifyRoutes returns the routes, the one that holds without any among them.
func (c *Config) NotifyRoutes() []notifier.Route {
	var out []notifier.Route
	for _, r := range c.Notify.Routes {
		route := notifier.Route{Severities: r.Severities, Kinds: r.Kinds, Sinks: r.Sinks, To: r.To}
		for _, m := range r.Match {
			route.Match = append(route.Match, notifier.Match(m))
		}
		out = append(out, route)
	}
	if len(out) == 0 {
		all := notifier.Route{Severities: []notifier.Severity{notifier.Warn, notifier.Page}}
		for _, s := range c.Notify.Sinks {
			all.Sinks = append(all.Sinks, s.Name)
		}
		out = append(out, all)
	}
	return out
}

// Receivers makes the sinks that are configured, in their order, with how each is told. It reads their secrets and connects to nothing yet.
func (c *Config) Receivers(tools SinkTools) ([]notifier.Receiver, error) {
	tools.instance = c.Instance
	var out []notifier.Receiver
	for i, s := range c.Notify.Sinks {
		r, err := s.receiver(tools)
		if err != nil {
			return nil, fmt.Errorf("notify.sinks[%d] (%s): %w", i, s.Name, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// Logs reports whether a sink writes to the daemon's log; without one, the daemon logs every notice.
func (n Notify) Logs() bool {
	return slices.ContainsFunc(n.Sinks, func(s NotifySink) bool { return s.Log != nil })
}

// OnlySinks returns the configuration with these sinks alone, without routes; no names leave all.
func (c *Config) OnlySinks(names []string) (*Config, error) {
	only := *c
	only.Notify.Routes = nil
	if len(names) == 0 {
		return &only, nil
	}
	var known []string
	only.Notify.Sinks = nil
	for _, s := range c.Notify.Sinks {
		known = append(known, s.Name)
		if slices.Contains(names, s.Name) {
			only.Notify.Sinks = append(only.Notify.Sinks, s)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("there is no sink %q; use one of %s", name, strings.Join(known, ", "))
		}
	}
	return &only, nil
}
