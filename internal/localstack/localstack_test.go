package localstack

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// running makes ROLLBACKD_STACK name the ready file of a stack that handler plays.
func running(t *testing.T, handler http.Handler) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	content, err := json.Marshal(Addresses{Control: server.URL, Simulator: server.URL, Scrape: "2s"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ready.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(EnvironmentVariable, path)
}

func TestAttachToARunningStack(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /audit", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `[{"verb":%q,"user":%q,"code":200,"time":"2026-11-22T10:00:01.5Z","requestObject":[]}]`, r.FormValue("verb"), r.FormValue("user"))
	})
	mux.HandleFunc("POST /prometheus", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"id":"2","url":"http://127.0.0.1:1/%s"}`, r.FormValue("scrape"))
	})
	mux.HandleFunc("POST /prometheus/main/kill", func(http.ResponseWriter, *http.Request) {})
	running(t, mux)

	s, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Attached() || s.Scrape != "2s" {
		t.Errorf("got %+v", s)
	}
	events, err := s.Audit(t.Context(), AuditQuery{Verb: "patch", User: "rollbackd"})
	if err != nil || len(events) != 1 || events[0].Verb != "patch" || events[0].User != "rollbackd" {
		t.Errorf("audit: %+v, %v", events, err)
	}
	if started, err := s.StartPrometheus(t.Context(), time.Second); err != nil || started.ID != "2" || !strings.HasSuffix(started.URL, "/1s") {
		t.Errorf("started %+v, %v", started, err)
	}
	if err := s.KillPrometheus(t.Context(), MainPrometheus); err != nil {
		t.Error(err)
	}
	if err := s.PausePrometheus(t.Context(), "7"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a refusal came back as %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestAttachToADeadStackSaysHowToGoOn(t *testing.T) {
	t.Setenv(EnvironmentVariable, filepath.Join(t.TempDir(), "gone.json"))
	if _, err := Start(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), EnvironmentVariable) {
		t.Errorf("got error %v, want one that names %s", err, EnvironmentVariable)
	}
}

// startedBy is set in the environment of the process that TestStackDiesWithItsTest kills.
const startedBy = "ROLLBACKD_LOCALSTACK_TEST_STARTS"

// TestStackDiesWithItsTest starts a stack in another process, kills that with SIGKILL and expects
// every process of the stack to go.
func TestStackDiesWithItsTest(t *testing.T) {
	if os.Getenv(startedBy) != "" {
		startAndWait(t)
	}
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	if built, _ := filepath.Glob(filepath.Join(root, ".stack", "bin", "prometheus-*")); testing.Short() || len(built) == 0 {
		t.Skip("starts the whole stack, which must have been built before (stack build)")
	}
	info := killedStarter(t)
	info.PIDs["stack"] = info.PID
	deadline := time.Now().Add(time.Minute)
	for name, pid := range info.PIDs {
		for syscall.Kill(pid, 0) == nil {
			if time.Now().After(deadline) {
				t.Fatalf("%s (process %d) outlived the test that started it", name, pid)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	if _, err := os.Stat(info.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stack's folder is still there: %v", err)
	}
}

// killedStarter runs this test in another process until it has a stack, and kills it.
func killedStarter(t *testing.T) Addresses {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStackDiesWithItsTest$", "-test.timeout=6m")
	cmd.Env = append(os.Environ(), startedBy+"=1", EnvironmentVariable+"=")
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(output).ReadString('\n')
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // It was killed, and says so.
	var info Addresses
	if err := errors.Join(readErr, json.Unmarshal([]byte(line), &info)); err != nil {
		t.Fatalf("the other process printed %q instead of addresses: %v", line, err)
	}
	return info
}

// startAndWait starts a stack, prints its addresses and waits to be killed.
func startAndWait(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	s, err := Start(ctx, Options{Scrape: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(s.Addresses); err != nil {
		t.Error(err)
	}
	<-ctx.Done()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}
