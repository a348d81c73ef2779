// Package promtest runs a real Prometheus inside a test, on loopback, and lets it scrape what the test exposes.
package promtest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/promclient"
)

// startLimit is how long a Prometheus may take to be ready, on a machine that has other things to do too.
const startLimit = 60 * time.Second

// Server is a running Prometheus.
type Server struct {
	// URL is its address.
	URL string
	// API asks it.
	API *promclient.Client
}

// Start starts a Prometheus with this configuration and returns when it answers. It ends with the test. The program is that of
// the local stack, which must have been built: make stack-programs.
func Start(t testing.TB, configuration string) *Server {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yaml")
	require.NoError(t, os.WriteFile(file, []byte(configuration), 0o600))
	cmd := exec.Command(binary(t, "prometheus"), "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0")
	return connect(t, "http://"+run(t, cmd))
}

// run starts a server of the Prometheus project, which ends with the test, and returns the address that it says it listens on.
func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	name := filepath.Base(cmd.Path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the test, which then stops it
	log, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	listening, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		follow(log, listening)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended already
		<-ended
		_ = cmd.Wait()
	})
	select {
	case address := <-listening:
		return address
	case <-ended:
		t.Fatalf("%s ended before it listened; is its configuration right?", name)
	case <-time.After(startLimit):
		t.Fatalf("%s does not listen", name)
	}
	return ""
}

// listens is what Prometheus and Alertmanager log when they have a port.
var listens = regexp.MustCompile(`msg="Listening on".* address=(127\.0\.0\.1:[0-9]+)`)

// follow reads the log to its end, or Prometheus would have to wait, and tells the first address that it listens on.
func follow(log io.Reader, listening chan<- string) {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if m := listens.FindStringSubmatch(lines.Text()); m != nil {
			select {
			case listening <- m[1]:
			default:
			}
		}
	}
}

func connect(t testing.TB, url string) *Server {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := promclient.New(url, &http.Client{Transport: transport})
	require.NoError(t, err)
	s := &Server{URL: url, API: client}
	Eventually(t, "Prometheus answers", func(ctx context.Context) error {
		_, _, _, err := s.API.Query(ctx, "vector(1)", time.Now())
		return err
	})
	return s
}

// Eventually waits until check finds nothing to complain of.
func Eventually(t testing.TB, what string, check func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-ticker.C:
		}
	}
}

// binary is the newest program of that name that was built with the local stack.
func binary(t testing.TB, name string) string {
	t.Helper()
	root, err := localstack.Root()
	require.NoError(t, err)
	path, err := newest(filepath.Join(root, ".stack", "bin", name+"-*"))
	if err != nil {
		t.Fatalf("there is no %s to test with; build it with make stack-programs: %v", name, err)
	}
	return path
}

func newest(pattern string) (string, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	var found string
	var changed time.Time
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		if info.Mode().IsRegular() && info.ModTime().After(changed) {
			found, changed = path, info.ModTime()
		}
	}
	if found == "" {
		return "", errors.New("nothing is at " + pattern)
	}
	return found, nil
}
