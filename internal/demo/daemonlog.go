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
	start   *logLine
	changes []logLine
}

// logLine is the part of a line that is used. Lines that lack these fields tell nothing that the stories need.
type logLine struct {
	Time time.Time `json:"time"`
	// NATS and HTTP are where the daemon listens.
	NATS string `json:"nats"`
	HTTP string `json:"http"`
	// Watch has changed its state To another for a Reason.
	Watch  string `json:"watch"`
	To     string `json:"to"`
	Reason string `json:"reason"`
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
	switch {
	case line.NATS != "" && line.HTTP != "":
		l.start = &line
	case line.Watch != "" && line.To != "":
		l.changes = append(l.changes, line)
	}
}

// started returns the line in which the daemon says where it listens.
func (l *daemonLog) started() (logLine, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.start == nil {
		return logLine{}, false
	}
	return *l.start, true
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
