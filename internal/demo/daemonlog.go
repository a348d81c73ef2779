package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// daemonLog keeps the daemon's log in a file and picks out of it what the stories need.
type daemonLog struct {
	path string

	mu      sync.Mutex
	file    *os.File
	partial []byte
	changes []logLine
}

// logLine is the part that is used of a line which tells that a watch changed its state. Other lines lack To.
type logLine struct {
	Time   time.Time `json:"time"`
	Watch  string    `json:"watch"`
	To     string    `json:"to"`
	Reason string    `json:"reason"`
}

func newDaemonLog(path string) (*daemonLog, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create the daemon's log: %w", err)
	}
	return &daemonLog{path: path, file: file}, nil
}

// Write implements io.Writer for the daemon's standard error.
func (l *daemonLog) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, text...)
	for {
		line, rest, complete := bytes.Cut(l.partial, []byte("\n"))
		if !complete {
			break
		}
		l.note(line)
		l.partial = rest
	}
	return l.file.Write(text)
}

func (l *daemonLog) note(text []byte) {
	var line logLine
	if json.Unmarshal(text, &line) != nil {
		return // what a crash prints is not JSON; it is in the file
	}
	if line.Watch != "" && line.To != "" {
		l.changes = append(l.changes, line)
	}
}

// of returns the changes of a watch's state in their order.
func (l *daemonLog) of(watch string) []logLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.changes), func(c logLine) bool { return c.Watch != watch })
}

func (l *daemonLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close the daemon's log: %w", err)
	}
	return nil
}
