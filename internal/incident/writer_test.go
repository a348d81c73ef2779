package incident

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const restoredID = "incident-20261122T100653Z"

func TestWriterWritesWhatTheRunbookAsksFor(t *testing.T) {
	w := Writer{Root: t.TempDir()}
	entries := readJournal(t, "testdata/restored.jsonl")
	// Twice, as after a restart.
	for range 2 {
		for _, err := range []error{w.WriteIncident(restoredID, entries), w.WriteDeployLog("20261122T100000Z", entries),
			w.WriteChangelog("20261122T100000Z", entries), w.AppendRollback(entries)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	want := map[string][]byte{
		"logs/deployments/deploy_20261122T100000Z.json":  DeployLog(entries),
		"logs/deployments/changelog_20261122T100000Z.md": Changelog(entries),
		"logs/deployments/rollback_v1.2.3.log":           []byte(RollbackLine(entries) + "\n"),
	}
	for _, f := range Files(entries) {
		want["artifacts/integration/"+restoredID+"/"+f.Name] = f.Body
	}
	got := filesUnder(t, w.Root)
	for path, body := range want {
		if !bytes.Equal(got[path], body) {
			t.Errorf("%s holds %q", path, got[path])
		}
		if info, err := os.Stat(filepath.Join(w.Root, path)); err != nil || info.Mode().Perm() != fileMode {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
}

func filesUnder(t *testing.T, root string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		out[filepath.ToSlash(rel)] = body
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestJournalLinesCanBeReadBack(t *testing.T) {
	for name, entries := range journals(t) {
		path := filepath.Join(t.TempDir(), "journal.jsonl")
		if err := os.WriteFile(path, JournalLines(entries), 0o600); err != nil {
			t.Fatal(err)
		}
		if again := readJournal(t, path); !bytes.Equal(Timeline(again), Timeline(entries)) {
			t.Errorf("%s renders differently after a round trip", name)
		}
	}
}

func TestRollbackLogKeepsLinesOfOthers(t *testing.T) {
	w := Writer{Root: t.TempDir()}
	path := filepath.Join(w.Root, "logs", "deployments", "rollback_v1.2.3.log")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	// Another's line, a value that only looks like our identity, and a line that a crash tore.
	before := "Rollback executed at 2026-01-01T00:00:00Z from=\"x incident=" + restoredID + "\" incident=other\nRollback exec"
	if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	entries := readJournal(t, "testdata/restored.jsonl")
	for range 2 {
		if err := w.AppendRollback(entries); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != before+"\n"+RollbackLine(entries)+"\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNothingRolledBackLeavesNoLine(t *testing.T) {
	w := Writer{Root: t.TempDir()}
	if err := w.AppendRollback(readJournal(t, "testdata/observe.jsonl")); err != nil {
		t.Fatal(err)
	}
	if got := filesUnder(t, w.Root); len(got) != 0 {
		t.Errorf("wrote %v", got)
	}
}

func TestHostileEventStaysUnderRoot(t *testing.T) {
	w := Writer{Root: t.TempDir()}
	entries := readJournal(t, "testdata/hostile.jsonl")
	for _, err := range []error{w.WriteIncident("../../up", entries), w.WriteDeployLog("..", entries), w.WriteChangelog("..", entries), w.AppendRollback(entries)} {
		if err != nil {
			t.Error(err)
		}
	}
	if got, want := filesUnder(t, w.Root), len(Files(entries))+3; len(got) != want {
		t.Errorf("%d files under the root, want %d", len(got), want)
	}
}

func TestWriterReportsFailures(t *testing.T) {
	root := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(root, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w := Writer{Root: root}
	entries := readJournal(t, "testdata/restored.jsonl")
	for _, err := range []error{w.WriteIncident(restoredID, entries), w.WriteDeployLog("x", entries), w.WriteChangelog("x", entries), w.AppendRollback(entries)} {
		if err == nil {
			t.Error("a root that is a file gave no error")
		}
	}
}

func TestFailedReplaceLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	// A directory in the way makes the rename fail.
	if err := os.MkdirAll(filepath.Join(dir, "taken", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := replace(filepath.Join(dir, "taken"), []byte("x")); err == nil {
		t.Error("a directory was replaced")
	}
	if got := filesUnder(t, dir); len(got) != 0 {
		t.Errorf("left %v", got)
	}
}

func TestSafeName(t *testing.T) {
	for _, plain := range []string{"v1.2.3", "incident-20261122T100703Z-2", "2026.11.22_x", "a..b"} {
		if got := SafeName(plain); got != plain {
			t.Errorf("SafeName(%q) = %q", plain, got)
		}
	}
	hostile := []string{
		"", ".", "..", "...", "/", "//", "a/b", "a-b", "a\\b", "a b", "a\nb", "../../etc/passwd", ".hidden", "hidden", "ä", "ö", "CON:",
		strings.Repeat("x", maxName), strings.Repeat("x", maxName+1), strings.Repeat("x", 1<<20), "\xff", "\xfe", "a\x00b",
	}
	seen := map[string]string{}
	for _, s := range hostile {
		got := SafeName(s)
		wantSafe(t, s, got)
		if other, taken := seen[got]; taken {
			t.Errorf("%q and %q share the name %q", s, other, got)
		}
		seen[got] = s
		if again := SafeName(got); again == got && got != s {
			t.Errorf("the plain name %q passes for that of %q", got, s)
		}
	}
}

func wantSafe(t *testing.T, s, got string) {
	t.Helper()
	if got == "" || got[0] == '.' || len(got) > maxName || strings.Trim(got, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		t.Errorf("SafeName(%.50q) = %q", s, got)
	}
}

func FuzzSafeName(f *testing.F) {
	f.Add("v1.2.3", "v1/2/3")
	f.Add("..", ".")
	f.Add("a-0123456789", "a/0123456789")
	f.Fuzz(func(t *testing.T, a, b string) {
		wantSafe(t, a, SafeName(a))
		if a != b && SafeName(a) == SafeName(b) {
			t.Errorf("%q and %q share the name %q", a, b, SafeName(a))
		}
	})
}
