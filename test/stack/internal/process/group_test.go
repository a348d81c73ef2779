package process

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

func shell(name, script string) Spec {
	return Spec{Name: name, Path: "/bin/sh", Args: []string{"-c", script}}
}

func newTestGroup(t *testing.T) *Group {
	t.Helper()
	g, err := NewGroup(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Stop)
	return g
}

func TestUnexpectedDeathIsReportedWithTheLog(t *testing.T) {
	g := newTestGroup(t)
	if _, err := g.Start(shell("short", "echo the disk is on fire; exit 3")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-g.Failed():
		for _, want := range []string{"short", "exit status 3", "the disk is on fire"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not tell %q: %v", want, err)
			}
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the death was not reported")
	}
}

func TestWantedDeathIsNotReported(t *testing.T) {
	g := newTestGroup(t)
	spec := shell("long", "exec sleep 1000")
	p, err := g.Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Start(spec); err == nil {
		t.Error("a running process was started a second time")
	}
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Error(err)
	}
	p.Kill()
	if err := p.Signal(syscall.SIGCONT); err == nil {
		t.Error("a dead process took a signal")
	}
	if _, err := g.Start(spec); err != nil {
		t.Errorf("a killed process cannot be started again: %v", err)
	}
	g.Stop()
	if pids := g.PIDs(); len(pids) != 0 {
		t.Errorf("after Stop these run: %v", pids)
	}
	if _, err := g.Start(spec); err == nil {
		t.Error("a process was started after Stop")
	}
	select {
	case err := <-g.Failed():
		t.Errorf("a wanted death was reported: %v", err)
	default:
	}
}
