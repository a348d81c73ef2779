package incident

import (
	"encoding/json"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollbackd/rollbackd/internal/diagnosis"
)

// gathered is a diagnosis at 10:06:00, in which words take the place of what comes from outside.
func gathered(moment diagnosis.Moment, words string) diagnosis.Diagnosis {
	at := time.Date(2026, 11, 22, 10, 6, 0, 0, time.UTC)
	d := diagnosis.Diagnosis{
		Moment: moment, GatheredAt: at, Seconds: 0.4, Since: at.Add(-6 * time.Minute), Release: "v1.2.3", Before: "v1.2.2",
		Pods: []diagnosis.Pod{
			{Name: "checkout-7c9-a", Side: diagnosis.Release, Phase: "Running", CreatedAt: at.Add(-5 * time.Minute), Containers: []diagnosis.Container{
				{Name: "app", Image: "registry.example/checkout:v1.2.3", State: "waiting", Reason: "CrashLoopBackOff", Message: words, Restarts: 3,
					Ended: &diagnosis.Exit{Reason: "Error", Message: words, Code: 2, At: at.Add(-time.Minute)}}}},
			{Name: "checkout-5d8-b", Side: diagnosis.Before, Phase: "Running", Ready: true, CreatedAt: at.Add(-time.Hour), Containers: []diagnosis.Container{
				{Name: "app", Image: "registry.example/checkout:v1.2.2", State: "running", Ready: true}}},
		},
		MorePods: 2,
		Changes:  []diagnosis.Change{{Part: diagnosis.PartEnvironment, Where: "container app, variable DB_HOST", Was: "db", Is: words}},
		Diff:     "--- v1.2.2\n+++ v1.2.3\n-            value: db\n+            value: db-new\n",
		Logs: diagnosis.Logs{
			Read: []diagnosis.Log{
				{Pod: "checkout-7c9-a", Container: "app", Side: diagnosis.Release, Previous: true, Lines: 1200, Errors: 60, Cut: true},
				{Pod: "checkout-5d8-b", Container: "app", Side: diagnosis.Before, Lines: 900, Errors: 3},
			},
			Shapes: []diagnosis.Shape{{Shape: "ERROR <str>", Example: words, Release: 60, Pods: 1, Trend: diagnosis.New},
				{Shape: "as ever", Example: "ERROR as ever", Release: 3, Before: 3, Pods: 1, Trend: diagnosis.Same}},
			MoreShapes: 1, ReleaseMinutes: 5, BeforeMinutes: 15.5,
			LastWords: []diagnosis.LastWords{{Pod: "checkout-7c9-a", Container: "app", Lines: []string{"starting", words}}},
		},
		Events:  []diagnosis.Event{{Object: "Pod checkout-7c9-a", Side: diagnosis.Release, Type: "Warning", Reason: "BackOff", Message: words, Count: 7, First: at, Last: at}},
		Missing: []string{"rollbackd may not read logs: grant it get on pods/log in namespace shop"},
	}
	d.Guesses = diagnosis.GuessOf(d)
	return d
}

// withDiagnoses are the entries of a journal with diagnoses in its annex.
func withDiagnoses(entries []Entry, words string) []Entry {
	for _, moment := range []diagnosis.Moment{diagnosis.Regressed, diagnosis.Ended} {
		d := gathered(moment, words)
		entries = append(entries, Entry{Version: EntryVersion, At: d.GatheredAt, Actor: "rollbackd/test", Kind: KindDiagnosis, Diagnosis: &d})
	}
	return entries
}

// codeSpan is text between fences of one or two backticks, in which nothing has a meaning.
var codeSpan = regexp.MustCompile("(?:``[^\n]*?``|`[^`\n]+`)")

func TestDiagnosisIsRendered(t *testing.T) {
	entries := withDiagnoses(readJournal(t, "testdata/not_restored.jsonl"), "ERROR dial tcp db-new:5432: connect: connection refused")
	var names []string
	for _, f := range Files(entries) {
		if path.Dir(f.Name) == "diagnosis" {
			names = append(names, path.Base(f.Name))
			wantGolden(t, "diagnosis_"+path.Base(f.Name), f.Body)
		}
	}
	if got := strings.Join(names, " "); got != "summary.md logs.md events.md pods.md template.diff after-rollback.md" {
		t.Errorf("the files are %s", got)
	}
	want := "\n**First guess (by rules, not proven):** something that the release needs cannot be reached: db-new:5432 (the port of PostgreSQL). [What it rests on](diagnosis/summary.md).\n"
	if got := string(Timeline(entries)); !runbookForm.MatchString(got) || !strings.Contains(got, want) || !strings.Contains(got, "Diagnosis: looked at 4 pods, 1 event and 2 logs; first guess, not proven: ") {
		t.Errorf("the timeline does not tell the first guess:\n%s", got)
	}
}

func TestWithoutADiagnosisThereIsNone(t *testing.T) {
	entries := readJournal(t, "testdata/not_restored.jsonl")
	for _, f := range Files(entries) {
		if strings.Contains(f.Name, "diagnosis") {
			t.Errorf("there is %s", f.Name)
		}
	}
	if strings.Contains(string(Timeline(entries)), "guess") {
		t.Error("the timeline tells of a guess")
	}
	nothing := diagnosis.Diagnosis{Moment: diagnosis.Regressed}
	entries = append(entries, Entry{Kind: KindDiagnosis, Diagnosis: &nothing})
	if got := string(Timeline(entries)); !strings.Contains(got, "**First guess:** none; ") {
		t.Errorf("the timeline does not say that there is no guess:\n%s", got)
	}
	if len(Files(entries)) < 7 {
		t.Error("an empty diagnosis is not rendered")
	}
}

// TestHostileDiagnosisIsHarmless: what a container writes, or whoever may make events, cannot act in Markdown or HTML.
func TestHostileDiagnosisIsHarmless(t *testing.T) {
	words := "# ERROR <script>alert(1)</script> [a](http://x) `code` | cell | *bold* ![i](http://y) \u202e\x1b[31m\x00 @team\n## dial tcp <b>:1: connection refused"
	for _, f := range Files(withDiagnoses(readJournal(t, "testdata/not_restored.jsonl"), words)) {
		if path.Ext(f.Name) != ".md" || path.Dir(f.Name) != "diagnosis" {
			continue
		}
		body := string(f.Body)
		outside := codeSpan.ReplaceAllString(body, "")
		for _, bad := range []string{"<script", "<b>", "](http:", "\u202e", "\x1b", "\x00", " @team", "\n## dial", "\n# ERROR", " | cell"} {
			if strings.Contains(outside, bad) {
				t.Errorf("%s holds %q:\n%s", f.Name, bad, body)
			}
		}
		columns := 0
		for line := range strings.Lines(body) { // no cell may begin another
			n := strings.Count(line, "|") - strings.Count(line, `\|`)
			if !strings.HasPrefix(line, "|") {
				columns = 0
				continue
			}
			if columns != 0 && n != columns {
				t.Errorf("%s has a row of %d columns in a table of %d: %s", f.Name, n, columns, line)
			}
			columns = n
		}
	}
}

// FuzzDiagnosisFiles: no diagnosis, whatever it holds, keeps an incident from being shown.
func FuzzDiagnosisFiles(f *testing.F) {
	d := gathered(diagnosis.Regressed, "x")
	seed, err := json.Marshal(d)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{"moment":"ended","logs":{"shapes":[{"release":-1}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d diagnosis.Diagnosis
		if json.Unmarshal(data, &d) != nil {
			return
		}
		for _, file := range Files([]Entry{{Kind: KindDiagnosis, Diagnosis: &d}}) {
			if strings.HasSuffix(file.Name, ".md") && strings.ContainsAny(string(file.Body), "\x00\x1b") {
				t.Errorf("%s holds control characters: %q", file.Name, file.Body)
			}
		}
	})
}
