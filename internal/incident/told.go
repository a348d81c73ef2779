package incident

import (
	"fmt"
	"slices"
)

// This file tells who was told. The entries stand in the annex, and in the order in which it was recorded; what became of the release is not told by
// them.

// mostTold is how many lines the section has; incident.json holds all.
const mostTold = 100

func (s *Summary) addTold(e Entry) {
	t := *e.Told
	if t.At.IsZero() {
		t.At = e.At
	}
	s.Told = append(s.Told, t)
}

// whoWasTold lists what was told to whom, and what came of it; the oldest first.
func (s Summary) whoWasTold(p *page) {
	if len(s.Told) == 0 {
		return
	}
	p.section("Who was told")
	told := slices.Clone(s.Told)
	slices.SortStableFunc(told, func(a, b Told) int { return a.At.Compare(b.At) })
	if more := len(told) - mostTold; more > 0 {
		p.line("%s are left out here; `incident.json` has them.\n", plural(uint64(more), "earlier line"))
		told = told[more:]
	}
	for _, t := range told {
		p.line("- %s %s", s.stamp(t.At, t.At), t.inWords())
	}
}

func (t Told) inWords() string {
	tries, what := plural(uint64(max(t.Attempts, 0)), "attempt"), text(t.Severity)+": "+text(t.Title)
	if t.Result == ToldTrying {
		return fmt.Sprintf("**Still being tried: %s** (%s so far, last error: %s) %s", text(t.Sink), tries, or(text(t.Detail), "none"), what)
	}
	words := fmt.Sprintf("Told: %s (%s, %s) %s", text(t.Sink), text(t.Result), tries, what)
	if t.Result != "sent" {
		words = fmt.Sprintf("Told: **%s was NOT told** (%s, %s) %s", text(t.Sink), text(t.Result), tries, what)
	}
	if t.Detail != "" {
		words += "; " + text(t.Detail)
	}
	return words
}

// withoutTold leaves out what the section on who was told lists.
func withoutTold(entries []Entry) []Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return e.Told != nil })
}
