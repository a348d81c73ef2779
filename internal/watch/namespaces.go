package watch

import (
	"maps"
	"slices"
	"strings"
)

// Namespaces are those that policies are about, sorted: those that they name, or the empty one alone, which stands for all, if one
// of the policies names none.
func Namespaces(policies []Policy) []string {
	out := map[string]bool{}
	for _, p := range policies {
		if len(p.Match) == 0 {
			return []string{""}
		}
		for _, m := range p.Match {
			if m.Namespace == "" || strings.ContainsAny(m.Namespace, `*?[\`) {
				return []string{""}
			}
			out[m.Namespace] = true
		}
	}
	return slices.Sorted(maps.Keys(out))
}

// namespacesOf are those that policies are about, and of all only those that rollbackd is to see.
func (r Rules) namespacesOf(policies []Policy) []string {
	names := Namespaces(policies)
	if len(r.Namespaces) > 0 && slices.Contains(names, "") {
		return r.Namespaces
	}
	return names
}
