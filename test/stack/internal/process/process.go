package process

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"sync"
)

// Process is one child process.
type Process struct {
	name    string
	logPath string
	cmd     *exec.Cmd
	done    chan struct{}

	mu       sync.Mutex
	expected bool
	gone     bool
}

// Name returns the name the process was started with.
func (p *Process) Name() string { return p.name }

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process with SIGKILL and waits until it is gone. The death counts as wanted.
func (p *Process) Kill() {
	p.signalKill()
	<-p.done
}

// Signal sends a signal, and fails if the process has ended.
func (p *Process) Signal(signal os.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return fmt.Errorf("send %s to %s: it is not running", signal, p.name)
	}
	if err := p.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("send %s to %s: %w", signal, p.name, err)
	}
	return nil
}

// LogTail returns the last lines of what the process wrote.
func (p *Process) LogTail(lines int) string { return tail(p.logPath, lines) }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

func (p *Process) signalKill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = true
	if !p.gone {
		// It fails only if the process has just ended, which is what is wanted.
		_ = p.cmd.Process.Kill()
	}
}

// finish records that the process has ended and tells whether that was wanted.
func (p *Process) finish() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	close(p.done)
	return p.expected
}

func (p *Process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// tail returns the last lines of a file, reading no more than its last 16 KiB.
func tail(path string, lines int) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	const most = 16 << 10
	if info, err := file.Stat(); err == nil && info.Size() > most {
		if _, err := file.Seek(-most, 2); err != nil {
			return err.Error()
		}
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(file); err != nil {
		return err.Error()
	}
	rows := bytes.Split(bytes.TrimSpace(text.Bytes()), []byte("\n"))
	return string(bytes.Join(rows[max(0, len(rows)-lines):], []byte("\n")))
}
