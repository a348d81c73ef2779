// Package process starts the stack's child processes and makes sure that none outlives it.
package process

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

// Spec says what to run.
type Spec struct {
	// Name names the process in messages, in the log folder and among the group's process ids.
	Name string
	// Path is the program and Args are its arguments, without the program itself.
	Path string
	Args []string
}

// Group is the set of child processes of one stack.
type Group struct {
	dir    string
	spawn  chan func()
	failed chan error

	mu        sync.Mutex
	stopping  bool
	processes map[string]*Process
}

// NewGroup makes an empty group whose processes run in dir and log to files in dir/logs.
func NewGroup(dir string) (*Group, error) {
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o755); err != nil {
		return nil, fmt.Errorf("create the log folder: %w", err)
	}
	g := &Group{
		dir:       dir,
		spawn:     make(chan func()),
		failed:    make(chan error, 1),
		processes: map[string]*Process{},
	}
	go g.spawner()
	return g, nil
}

// spawner starts every child from one operating-system thread that lives as long as the program:
// Linux sends the parent-death signal when the thread that forked ends, not the process, so a child
// started from an ordinary goroutine could be killed when Go retires an idle thread.
func (g *Group) spawner() {
	runtime.LockOSThread()
	for start := range g.spawn {
		start()
	}
}

// Start starts a process. If it ends without Kill or Stop having been called, Failed reports it.
func (g *Group) Start(spec Spec) (*Process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		return nil, fmt.Errorf("start %s: the stack is stopping", spec.Name)
	}
	if old := g.processes[spec.Name]; old != nil && !old.ended() {
		return nil, fmt.Errorf("start %s: it is already running as process %d", spec.Name, old.PID())
	}
	p, err := g.start(spec)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	g.processes[spec.Name] = p
	go g.wait(p)
	return p, nil
}

func (g *Group) start(spec Spec) (*Process, error) {
	logPath := filepath.Join(g.dir, "logs", spec.Name+".log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	// The child has its own copy of the descriptor once it runs.
	defer log.Close()
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Dir = g.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	// The children get no settings of the caller's: proxies, KUBECONFIG or ETCD_ variables would
	// change what they do.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.dir, "TMPDIR=" + g.dir}
	started := make(chan error)
	g.spawn <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	return &Process{name: spec.Name, logPath: logPath, cmd: cmd, done: make(chan struct{})}, nil
}

func (g *Group) wait(p *Process) {
	err := p.cmd.Wait()
	expected := p.finish()
	g.mu.Lock()
	defer g.mu.Unlock()
	if expected || g.stopping {
		return
	}
	if err == nil {
		err = errors.New("exit status 0")
	}
	select {
	case g.failed <- fmt.Errorf("%s ended unexpectedly: %w; the end of its log:\n%s", p.name, err, tail(p.logPath, 25)):
	default: // One death ends the stack; the ones that follow from it are noise.
	}
}

// Failed delivers the first unexpected death of a process, with the end of its log.
func (g *Group) Failed() <-chan error { return g.failed }

// PIDs returns the process ids of the processes that run, by name.
func (g *Group) PIDs() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	pids := map[string]int{}
	for name, p := range g.processes {
		if !p.ended() {
			pids[name] = p.PID()
		}
	}
	return pids
}

// Stop kills every process and returns when all are gone. It does not ask politely first: the data
// is thrown away, a polite etcd or API server takes seconds, and a stopped (SIGSTOP) process would
// never answer. No process can be started afterwards.
func (g *Group) Stop() {
	g.mu.Lock()
	alreadyStopping := g.stopping
	g.stopping = true
	processes := maps.Clone(g.processes)
	g.mu.Unlock()
	for _, p := range processes {
		p.signalKill()
	}
	for _, p := range processes {
		<-p.done
	}
	if !alreadyStopping {
		close(g.spawn)
	}
}
