package incident

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/control"
)

// The digest of every journal is what a person would note of it.
func TestDigests(t *testing.T) {
	for name, entries := range journals(t) {
		t.Run(name, func(t *testing.T) {
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, DigestOf(entries).Line(), "", "  "); err != nil {
				t.Fatal(err)
			}
			pretty.WriteByte('\n')
			wantGolden(t, name+".digest.json", pretty.Bytes())
		})
	}
}

// Any true prefix has a digest, of which the later one counts more.
func TestDigestOfEveryPrefix(t *testing.T) {
	for name, entries := range journals(t) {
		for cut := range len(entries) + 1 {
			d := DigestOf(entries[:cut])
			if n := len(d.Line()); n > MaxDigest {
				t.Fatalf("%s cut at %d: %d bytes", name, cut, n)
			}
			if d.Final != !d.Times.Ended.IsZero() {
				t.Fatalf("%s cut at %d: final %v, ended %s", name, cut, d.Final, d.Times.Ended)
			}
			if (d.Incident != "") != !d.Times.Opened.IsZero() {
				t.Fatalf("%s cut at %d: incident %q, opened %s", name, cut, d.Incident, d.Times.Opened)
			}
			if cut > 0 && d.Seq != entries[cut-1].Seq {
				t.Fatalf("%s cut at %d: seq %d, not that of the newest entry", name, cut, d.Seq)
			}
		}
	}
}

// Whatever an event claims, its digest has one bounded line for each string, and fits.
func TestDigestOfAHostileEventIsSmall(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for name, evil := range map[string]string{
		"long":    strings.Repeat("v", 1<<20),
		"quotes":  strings.Repeat(`"`, 1000),
		"markup":  strings.Repeat("<&>", 1000),
		"control": strings.Repeat("\x1b[2J\x00\n", 1000),
		"wide":    strings.Repeat("💥", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			long := strings.Repeat("w", maxDigestName)
			document, err := json.Marshal(Event{ID: evil, Kind: evil, Strategy: evil, Version: evil, Hotfix: true, SchemaChange: true, Drill: true})
			if err != nil {
				t.Fatal(err)
			}
			verdict := &Verdict{Phase: PhaseWatch, Verdict: analyzer.Regressed, Reason: evil, Signals: []analyzer.Assessment{
				{Signal: evil, Kind: analyzer.Kind(evil), Verdict: analyzer.Regressed, Value: 1.0 / 3, Limit: 1.0 / 7, Unit: evil}}}
			entries := []Entry{
				{At: at, Watch: strings.Repeat("k", maxDigestName), Accepted: &Accepted{Subject: "deployments." + long[:63] + "." + long[:63] + "." + long, Event: document, Policy: evil, Mode: evil}},
				{At: at, Verdict: verdict}, {At: at, State: &StateChange{To: evil, Reason: evil, Final: true, Incident: evil}},
				{At: at, Actor: evil, Postmortem: &Postmortem{Number: 12345, Due: at, DoneAt: at, Link: "https://" + strings.Repeat("x", control.MaxLink-8)}},
			}
			d := DigestOf(entries)
			if n := len(d.Line()); n > MaxDigest {
				t.Errorf("%d bytes", n)
			}
			if d.Workload != long || !d.Drill || d.Postmortem == nil || d.Postmortem.Number != 12345 {
				t.Errorf("what it is found by is lost: %+v", d)
			}
			if strings.ContainsAny(d.Version+d.Reason+d.By, "\x00\n\x1b") {
				t.Errorf("control characters are left: %q", d.Version)
			}
			if !json.Valid(d.Line()) || bytes.ContainsRune(d.Line(), '\n') {
				t.Errorf("not a line of JSON: %s", d.Line())
			}
		})
	}
}

// What the annex tells of the review is folded in: the number once, then who did it.
func TestDigestTellsOfTheReview(t *testing.T) {
	due := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	entries := append(readJournal(t, "testdata/restored.jsonl"),
		Entry{Seq: 2000, Actor: "rollbackd/main", Kind: KindPostmortem, Postmortem: &Postmortem{Number: 7, Due: due}},
		Entry{Seq: 2001, Actor: "ana", Kind: KindPostmortem, Postmortem: &Postmortem{Number: 7, DoneAt: due, Link: "https://wiki/7"}})
	got := DigestOf(entries)
	want := Review{Number: 7, Due: due, DoneAt: due, By: "ana", Link: "https://wiki/7"}
	if got.Postmortem == nil || *got.Postmortem != want || got.Postmortem.Name() != "DEC-INCIDENT-0007" || got.Seq != 2001 {
		t.Errorf("got %+v", got.Postmortem)
	}
	if earlier := DigestOf(entries[:len(entries)-1]).Postmortem; *earlier != (Review{Number: 7, Due: due}) {
		t.Errorf("before it was done: %+v", earlier)
	}
}
