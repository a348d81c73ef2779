package incident

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// readJournal reads a journal as journal.jsonl holds it.
func readJournal(t *testing.T, path string) []Entry {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var entries []Entry
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%s: %v in %s", path, err, lines.Text())
		}
		entries = append(entries, e)
	}
	return entries
}

// journals returns every journal in testdata by its name.
func journals(t *testing.T) map[string][]Entry {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no journals: %v", err)
	}
	out := map[string][]Entry{}
	for _, path := range paths {
		out[strings.TrimSuffix(filepath.Base(path), ".jsonl")] = readJournal(t, path)
	}
	return out
}

func wantGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what is rendered (run with -update to accept):\n%s", path, got)
	}
}

func TestRenderings(t *testing.T) {
	for name, entries := range journals(t) {
		t.Run(name, func(t *testing.T) {
			for _, f := range Files(entries) {
				if f.Name != journalFile { // which is the input
					wantGolden(t, name+"."+strings.ReplaceAll(f.Name, "/", "."), f.Body)
				}
			}
			wantGolden(t, name+".deploy.json", DeployLog(entries))
			wantGolden(t, name+".changelog.md", Changelog(entries))
			wantGolden(t, name+".rollback.log", []byte(RollbackLine(entries)))
		})
	}
}

// runbookForm is the runbook's template. Any rendering begins like this, whatever was recorded.
var runbookForm = regexp.MustCompile(`\A# Incident Timeline: Deployment Rollback

\*\*Version:\*\* \S.*
\*\*Deployed:\*\* \S.*
\*\*Rolled Back:\*\* \S.*

## Timeline
- (\S+) - \S.*
- (\S+) - \S.*
- (\S+) - \S.*
- (\S+) - \S.*

\*\*In short:\*\* .*
(?:
\*\*First guess.*
)?
## Evidence
`)

func TestRestoredFollowsTheRunbookToTheLetter(t *testing.T) {
	const want = `# Incident Timeline: Deployment Rollback

**Version:** v1.2.3
**Deployed:** 2026-11-22T09:59:58Z
**Rolled Back:** 2026-11-22T10:07:04Z

## Timeline
- 2026-11-22T10:00:28Z - Deployment completed
- 2026-11-22T10:01:43Z - Error rate spike detected
- 2026-11-22T10:07:03Z - Rollback initiated
- 2026-11-22T10:09:33Z - Service restored
`
	got := string(Timeline(readJournal(t, "testdata/restored.jsonl")))
	if !strings.HasPrefix(got, want) {
		t.Errorf("got:\n%s", got)
	}
}

func TestEveryPrefixRenders(t *testing.T) {
	headings := []string{"## Timeline", "## Evidence", "## What was done", "## Did it help", "## What is left to do", "## Files", "## Journal"}
	schema := readSchema(t)
	for name, entries := range journals(t) {
		for cut := range len(entries) + 1 {
			got := string(Timeline(entries[:cut]))
			if !runbookForm.MatchString(got) {
				t.Fatalf("%s cut at %d has lost the runbook's form:\n%s", name, cut, got)
			}
			want := headings
			if slices.ContainsFunc(entries[:cut], func(e Entry) bool { return e.Told != nil }) {
				want = slices.Insert(slices.Clone(headings), len(headings)-2, "## Who was told")
			}
			if have := headingsOf(got); strings.Join(have, "\n") != strings.Join(want, "\n") {
				t.Fatalf("%s cut at %d has the headings %q", name, cut, have)
			}
			if strings.Contains(got, "%!") || strings.Contains(got, "0001-01-01") || strings.Contains(got, "NaN") {
				t.Fatalf("%s cut at %d shows a formatting slip:\n%s", name, cut, got)
			}
			if problems := schema.check(JSON(entries[:cut])); len(problems) > 0 {
				t.Fatalf("%s cut at %d does not fit the schema: %v", name, cut, problems)
			}
			if n := bytes.Count(JournalLines(entries[:cut]), []byte("\n")); n != cut {
				t.Fatalf("%s cut at %d has %d journal lines", name, cut, n)
			}
			DeployLog(entries[:cut])
			if line := RollbackLine(entries[:cut]); strings.ContainsAny(line, "\r\n") {
				t.Fatalf("%s cut at %d: more than one line: %q", name, cut, line)
			}
		}
	}
}

func headingsOf(markdown string) []string {
	var out []string
	for line := range strings.Lines(markdown) {
		if strings.HasPrefix(line, "## ") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

func TestRollbackIsNeverClaimedBeforeItLanded(t *testing.T) {
	for name, entries := range journals(t) {
		landed := false
		for cut, e := range entries {
			landed = landed || e.Outcome != nil && e.Outcome.Result == "landed"
			s := Fold(entries[:cut+1])
			if s.RolledBack != landed {
				t.Fatalf("%s cut after %d: rolledBack = %v", name, cut, s.RolledBack)
			}
			if (RollbackLine(entries[:cut+1]) != "") != landed {
				t.Fatalf("%s cut after %d: rollback line before the rollback", name, cut)
			}
		}
	}
}
