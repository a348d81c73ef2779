package config

import (
	"path"
	"slices"
	"strings"
)

// This file finds policies that no workload comes to, because an earlier one takes them all.

func (c *Config) unreachable(warn func(path []any, format string, args ...any)) {
	for j, p := range c.Policies {
		var taken []string
		reached := false
		for k, m := range p.matches() {
			at := []any{"policies", j, "match", k, "environment"}
			if !c.knows(m.Environment) {
				warn(at, "%q is none of the environments that this daemon watches, so this match takes nothing; use one of %q", m.Environment, c.Environments)
				continue
			}
			earlier, ok := firstCovering(c.Policies[:j], m)
			reached = reached || !ok
			if !slices.Contains(taken, earlier) {
				taken = append(taken, earlier)
			}
		}
		if len(taken) > 0 && !reached {
			warn([]any{"policies", j}, "%q comes into effect only for events that name it: all that it matches is taken before by %s; move it up, or narrow those",
				p.Name, strings.Join(taken, ", "))
		}
	}
}

func (p Policy) matches() []Match {
	if len(p.Match) == 0 {
		return []Match{{}}
	}
	return p.Match
}

func (c *Config) knows(pattern string) bool {
	for _, e := range c.Environments {
		if ok, err := path.Match(pattern, e); pattern == "" || err == nil && ok {
			return true
		}
	}
	return false
}

// firstCovering returns the name of the first policy that takes everything of the match.
func firstCovering(policies []Policy, m Match) (string, bool) {
	for _, p := range policies {
		for _, earlier := range p.matches() {
			if covers(earlier.Environment, m.Environment) && covers(earlier.Namespace, m.Namespace) && covers(earlier.Workload, m.Workload) {
				return p.Name, true
			}
		}
	}
	return "", false
}

// covers reports whether everything that the narrow pattern matches is matched by the wide one. It may miss that, as with sets of
// characters, but is never wrong when it says so.
func covers(wide, narrow string) bool {
	if wide == "" || wide == narrow {
		return true
	}
	if narrow == "" {
		narrow = "*"
	}
	if strings.ContainsAny(wide+narrow, `[\`) {
		return false
	}
	return coversFrom(wide, narrow)
}

// coversFrom matches the wide pattern on the narrow one, whose wildcards only a wildcard of the wide one takes.
func coversFrom(wide, narrow string) bool {
	switch {
	case wide == "":
		return narrow == ""
	case wide[0] == '*':
		return coversFrom(wide[1:], narrow) || narrow != "" && coversFrom(wide, narrow[1:])
	case narrow == "" || narrow[0] == '*':
		return false
	case wide[0] == '?' || wide[0] == narrow[0] && narrow[0] != '?':
		return coversFrom(wide[1:], narrow[1:])
	}
	return false
}
