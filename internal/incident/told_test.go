package incident

import (
	"strings"
	"testing"
	"time"
)

// TestWhoIsStillToBeToldIsShownAndNotRecorded: whoever reads the page at night must not take silence for an answer.
func TestWhoIsStillToBeToldIsShownAndNotRecorded(t *testing.T) {
	entries := journals(t)["told"]
	recorded := len(JournalLines(entries))
	entries = append(entries, Entry{Kind: KindTold, Told: &Told{Notice: "N9", Sink: "pagerDuty", Severity: "page", Title: "v1.2.3 is bad", Result: ToldTrying, Detail: "502 <b>", Attempts: 3, At: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}})
	want := "- 2026-11-22T10:20:00Z (+20m2s) **Still being tried: pagerDuty** (3 attempts so far, last error: 502 &lt;b&gt;) page: v1.2.3 is bad\n"
	if got := string(Timeline(entries)); !strings.Contains(got, want) {
		t.Errorf("the timeline does not have %q:\n%s", want, got)
	}
	if got := len(JournalLines(entries)); got != recorded {
		t.Errorf("the journal is shown with what it does not hold")
	}
}
