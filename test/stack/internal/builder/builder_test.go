package builder

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// scripted is a part whose build is a shell script that runs in the folder it builds in.
func scripted(script string) part {
	return part{name: "tool", version: "v1", key: script, binary: "tool", command: func(ctx context.Context, folder string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "/bin/sh", "-c", script)
		cmd.Dir = folder
		return cmd
	}}
}

func ensureScripted(t *testing.T, folder, script string) (string, error) {
	p := scripted(script)
	path := filepath.Join(folder, p.fileName())
	return path, ensure(t.Context(), p, path, newProgress(io.Discard, "tool", ""))
}

func TestFailedBuildLeavesNothingAndShowsTheOutput(t *testing.T) {
	folder := t.TempDir()
	path, err := ensureScripted(t, folder, "echo half > tool; echo undefined: everything >&2; exit 1")
	if err == nil || !strings.Contains(err.Error(), "undefined: everything") {
		t.Errorf("got error %v, want one with the compiler's output", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the half-built program is in place")
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "build-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSimultaneousRunsBuildOnce(t *testing.T) {
	folder := t.TempDir()
	script := "echo x >> " + filepath.Join(folder, "builds") + "; sleep 0.3; touch tool"
	var runs sync.WaitGroup
	for range 3 {
		runs.Go(func() {
			if _, err := ensureScripted(t, folder, script); err != nil {
				t.Error(err)
			}
		})
	}
	runs.Wait()
	if builds, err := os.ReadFile(filepath.Join(folder, "builds")); err != nil || string(builds) != "x\n" {
		t.Errorf("builds: %q, %v; want one", builds, err)
	}
}

func TestChangeRebuildsAndRemovesWhatIsLongUnused(t *testing.T) {
	folder := t.TempDir()
	first, err := ensureScripted(t, folder, "touch tool")
	if err != nil {
		t.Fatal(err)
	}
	second, err := ensureScripted(t, folder, "touch tool # changed")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first); err != nil || first == second {
		t.Errorf("the build in use until now is gone or was overwritten: %v", err)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(first, old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := ensureScripted(t, folder, "touch tool # changed again"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first); err == nil {
		t.Error("a build that was not used for two days is still there")
	}
}
