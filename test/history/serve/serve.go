// Package serve runs a real Prometheus, that of the local stack, on the TSDB of a history.
package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rollbackd/rollbackd/internal/localstack"
)

// stopLimit is how long Prometheus may take to stop before it is killed.
const stopLimit = 20 * time.Second

// Server is a running Prometheus.
type Server struct {
	// URL is its address, on a free port of the loopback interface.
	URL string
	// PID is its process id.
	PID int

	cmd *exec.Cmd
	// ended is closed when the process has ended; err is then how, and log the end of what it said.
	ended chan struct{}
	err   error
	log   []string
}

// Start serves the TSDB in a folder, whatever the age of its samples, and returns when queries are answered. Its
// blocks stay as they are: nothing is scraped, compacted or deleted. The program is the one that make stack-programs
// builds.
func Start(ctx context.Context, tsdb string) (*Server, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	s := &Server{ended: make(chan struct{})}
	s.cmd = exec.Command(program,
		"--config.file="+os.DevNull,
		"--storage.tsdb.path="+tsdb,
		"--storage.tsdb.retention.time=100y",
		"--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h",
		"--web.listen-address=127.0.0.1:0",
	)
	s.cmd.SysProcAttr = attributes()
	output, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	s.PID = s.cmd.Process.Pid
	address := make(chan string, 1)
	go s.follow(output, address)
	if err := s.awaitReady(ctx, address); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// find returns the path of the newest Prometheus that was built for the stack.
func find() (string, error) {
	root, err := localstack.Root()
	if err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(root, ".stack", "bin", "prometheus-*"))
	if err != nil {
		return "", fmt.Errorf("find Prometheus: %w", err)
	}
	if len(found) == 0 {
		return "", errors.New("find Prometheus: it is not built; run make stack-programs")
	}
	return slices.MaxFunc(found, func(a, b string) int { return modified(a).Compare(modified(b)) }), nil
}

func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// follow reads the log until it ends, and hands on the address that is listened on.
func (s *Server) follow(output io.Reader, address chan<- string) {
	listening := regexp.MustCompile(`msg="Listening on".* address=(\S+)`)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		s.log = append(s.log, lines.Text())
		s.log = s.log[max(0, len(s.log)-25):]
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			select {
			case address <- m[1]:
			default: // it has been told
			}
		}
	}
	s.err = s.cmd.Wait()
	close(s.ended)
}

func (s *Server) awaitReady(ctx context.Context, address <-chan string) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case a := <-address:
			s.URL = "http://" + a
		case <-ticker.C:
			if s.URL != "" && s.answers(ctx) {
				return nil
			}
		case <-s.ended:
			return fmt.Errorf("prometheus ended before it was ready; the end of its log:\n%s", strings.Join(s.log, "\n"))
		case <-ctx.Done():
			return fmt.Errorf("wait for Prometheus to be ready: %w", context.Cause(ctx))
		}
	}
}

func (s *Server) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/-/ready", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// Stop ends Prometheus and returns when it is gone. It may be called more than once. An error means that it had ended
// by itself or had to be killed.
func (s *Server) Stop() error {
	select {
	case <-s.ended:
		if s.err != nil {
			return fmt.Errorf("prometheus failed: %w; the end of its log:\n%s", s.err, strings.Join(s.log, "\n"))
		}
		return nil
	default:
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // It fails only if the process has just ended, which is what is wanted.
	select {
	case <-s.ended:
		return nil
	case <-time.After(stopLimit):
		err := s.cmd.Process.Kill()
		<-s.ended
		return errors.Join(fmt.Errorf("prometheus did not stop within %s and was killed", stopLimit), err)
	}
}
