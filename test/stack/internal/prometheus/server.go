// Package prometheus runs the stack's Prometheus servers.
package prometheus

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/rollbackd/rollbackd/test/stack/internal/process"
)

// Options describe one Prometheus server.
type Options struct {
	// ID names the server; its process is called "prometheus-<ID>".
	ID string
	// Binary is the program.
	Binary string
	// Dir is the stack's folder; the server keeps its data in a folder of its own inside it.
	Dir string
	// Targets is the file with the scrape targets.
	Targets string
	// Scrape is the scrape interval.
	Scrape time.Duration
}

// Server is one Prometheus server, which can be killed and started again on the same data.
type Server struct {
	options Options
	group   *process.Group
	config  string
	port    int

	mu      sync.Mutex
	process *process.Process
}

// New prepares a server without starting it.
func New(group *process.Group, options Options) (*Server, error) {
	if options.Scrape < 100*time.Millisecond {
		return nil, fmt.Errorf("scrape interval %s is too short: use at least 100ms", options.Scrape)
	}
	ports, err := process.FreePorts(1)
	if err != nil {
		return nil, err
	}
	s := &Server{options: options, group: group, port: ports[0]}
	s.config = filepath.Join(options.Dir, s.name()+".yaml")
	if err := os.WriteFile(s.config, []byte(configuration(options.Targets, options.Scrape)), 0o644); err != nil {
		return nil, fmt.Errorf("write the configuration of %s: %w", s.name(), err)
	}
	return s, nil
}

func (s *Server) name() string { return "prometheus-" + s.options.ID }

// URL is the address of the server; it stays the same when the server is started again.
func (s *Server) URL() string { return fmt.Sprintf("http://127.0.0.1:%d", s.port) }

// Start starts the server and returns when it is ready to answer queries.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.group.Start(process.Spec{Name: s.name(), Path: s.options.Binary, Args: []string{
		"--config.file=" + s.config,
		"--storage.tsdb.path=" + filepath.Join(s.options.Dir, s.name()),
		fmt.Sprintf("--web.listen-address=127.0.0.1:%d", s.port),
		// A new pod shall be scraped soon: do not collect target changes for five seconds.
		"--scrape.discovery-reload-interval=200ms",
	}})
	if err != nil {
		return err
	}
	s.process = p
	if err := process.AwaitHTTP(ctx, http.DefaultClient, s.URL()+"/-/ready", p); err != nil {
		return fmt.Errorf("start %s: %w", s.name(), err)
	}
	return nil
}

// Kill ends the server with SIGKILL.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return fmt.Errorf("%s was never started", s.name())
	}
	s.process.Kill()
	return nil
}

// Pause stops the server's process with SIGSTOP: connections are accepted, nothing is answered.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return fmt.Errorf("%s was never started", s.name())
	}
	return s.process.Signal(signal)
}
