package localstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// stopLimit is how long the stack may take to stop before it is killed.
const stopLimit = time.Minute

// program is the running stack program.
type program struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	// readyFile is where the program tells its addresses; it removes the file when it ends.
	readyFile string
	output    *lastOutput
	// ended is closed when the program has ended; err is then how.
	ended chan struct{}
	err   error
}

// launch starts the program. It ends by itself when its standard input does, and so when this
// process dies in whatever way.
func launch(binary string, options Options) (*program, error) {
	p := &program{
		readyFile: filepath.Join(options.Dir, ".stack", fmt.Sprintf("ready-%d-%d.json", os.Getpid(), time.Now().UnixNano())),
		output:    &lastOutput{},
		ended:     make(chan struct{}),
	}
	arguments := []string{"up", "--exit-with-stdin", "--ready-file", p.readyFile, "--source", filepath.Join(options.Dir, "test", "stack")}
	if options.Scrape > 0 {
		arguments = append(arguments, "--scrape", options.Scrape.String())
	}
	if options.Keep {
		arguments = append(arguments, "--keep")
	}
	p.cmd = exec.Command(binary, arguments...)
	// A Ctrl-C in the terminal is for this process, which then stops the stack in its own time.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if file, ok := options.Log.(*os.File); ok {
		p.cmd.Stderr = file // As it is, so that the program can see whether it is a terminal.
	} else {
		p.cmd.Stderr = io.MultiWriter(options.Log, p.output)
	}
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start the stack program: %w", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// awaitReady waits for the ready file, as long as the context allows.
func (p *program) awaitReady(ctx context.Context) (Addresses, error) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		addresses, err := readReadyFile(p.readyFile)
		if !errors.Is(err, os.ErrNotExist) {
			return addresses, err
		}
		select {
		case <-p.ended:
			return Addresses{}, errors.New("the stack ended before it was ready")
		case <-ctx.Done():
			return Addresses{}, fmt.Errorf("wait for the stack to be ready: %w", context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// stop ends the program by ending its standard input, and kills it if that takes too long. It may
// be called more than once.
func (p *program) stop() error {
	_ = p.stdin.Close() // It may be closed already.
	var late error
	select {
	case <-p.ended:
	case <-time.After(stopLimit):
		late = errors.Join(fmt.Errorf("the stack did not stop within %s and was killed", stopLimit),
			p.cmd.Process.Kill(), os.RemoveAll(p.readyFile))
		<-p.ended
	}
	if p.err != nil {
		late = errors.Join(late, fmt.Errorf("the stack failed: %w%s", p.err, p.output))
	}
	return late
}

// lastOutput keeps the end of what the program wrote, for the error message.
type lastOutput struct {
	mu   sync.Mutex
	text []byte
}

// Write keeps the last 8 KiB.
func (o *lastOutput) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, text...)
	if extra := len(o.text) - 8<<10; extra > 0 {
		o.text = o.text[extra:]
	}
	return len(text), nil
}

// String returns what was kept, on lines of its own.
func (o *lastOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.text) == 0 {
		return ""
	}
	return "\n" + string(o.text)
}
