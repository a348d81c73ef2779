package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/rollbackd/rollbackd/internal/config"
)

// printNotify says who is told what.
func printNotify(w io.Writer, n config.NotifySummary) {
	fmt.Fprintf(w, "\n  notices\n")
	if n.Log {
		fmt.Fprintf(w, "    all go to the daemon's log\n")
	}
	kinds := map[string]string{}
	for _, s := range n.Sinks {
		kinds[s.Name] = s.Kind
	}
	for _, r := range n.Routes {
		var to []string
		for _, s := range r.Sinks {
			to = append(to, s+" ("+kinds[s]+")")
		}
		line := fmt.Sprintf("%s: %s", strings.Join(r.Match, ", "), joined(r.Severities))
		if len(r.Kinds) > 0 {
			line += " of the kinds " + joined(r.Kinds)
		}
		line += " -> " + strings.Join(to, ", ")
		if len(r.To) > 0 {
			line += ", for " + joined(r.To)
		}
		fmt.Fprintf(w, "    %s\n", plain(line))
	}
}

func joined[T ~string](all []T) string {
	var out []string
	for _, v := range all {
		out = append(out, string(v))
	}
	return strings.Join(out, ", ")
}
