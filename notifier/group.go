package notifier

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// mostListed is how many notices a group names; the others are counted.
const mostListed = 10

// grouped makes one notice of several of one severity. Its ID follows from theirs. What they agree on it keeps, such as the environment.
func grouped(all []Notice, link string) Notice {
	ids, titles := sha256.New(), []string{}
	first := all[0]
	out := Notice{
		At: first.At, Kind: first.Kind, Severity: first.Severity, Environment: first.Environment, Link: link, Group: all,
		Title: fmt.Sprintf("%d notices", len(all)),
	}
	for _, n := range all {
		fmt.Fprintf(ids, "%s\n", n.ID)
		titles = append(titles, plain(n.Title, 100))
		if n.Kind != out.Kind {
			out.Kind = KindOther
		}
		if n.Environment != out.Environment {
			out.Environment = ""
		}
		for _, r := range n.To {
			out.To = appendNew(out.To, r)
		}
	}
	if out.Kind != KindOther {
		out.Title = fmt.Sprintf("%d notices of the kind %s", len(all), out.Kind)
	}
	if more := len(titles) - mostListed; more > 0 {
		titles = append(titles[:mostListed], fmt.Sprintf("and %d more", more))
	}
	out.Text = strings.Join(titles, "; ")
	out.ID = "group-" + hex.EncodeToString(ids.Sum(nil)[:12])
	return out
}

func appendNew[T comparable](list []T, v T) []T {
	for _, have := range list {
		if have == v {
			return list
		}
	}
	return append(list, v)
}
