package access

import (
	"fmt"
	"strings"
)

// Markdown is the table as docs/permissions.md shows it: a section for each feature.
func Markdown() string {
	var b strings.Builder
	for _, about := range Features() {
		fmt.Fprintf(&b, "### `%s`: %s\n\nOn: %s.\n\n| resource | verbs | where | why | without it |\n|---|---|---|---|---|\n", about.Feature, about.What, about.When)
		for _, r := range Table() {
			if r.Feature == about.Feature {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", r.Object(), quoted(r.Verbs), where(r), r.Why, r.Without)
			}
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func quoted(verbs []string) string { return "`" + strings.Join(verbs, "` `") + "`" }

func where(r Rule) string {
	switch {
	case r.Scope == Own && r.Named:
		return "the daemon's namespace, its own Lease"
	case r.Scope == Own:
		return "the daemon's namespace"
	case r.Scope == ArgoCDs:
		return "`kubernetes.argoCDNamespace`"
	}
	return "each watched namespace"
}
