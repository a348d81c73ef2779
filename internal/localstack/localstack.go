// Package localstack starts the local stack of test/stack (real Kubernetes, Prometheus and NATS with
// simulated applications, all on loopback) for tests and the demo, and talks to it.
//
// If the environment variable ROLLBACKD_STACK names the ready file of a stack that runs already,
// Start attaches to that one instead.
package localstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// EnvironmentVariable names the ready file of a running stack to attach to.
const EnvironmentVariable = "ROLLBACKD_STACK"

// callLimit bounds every call to the stack whose context has no deadline.
const callLimit = 30 * time.Second

// Options say how to start a stack. All have defaults.
type Options struct {
	// Dir is the root of the repository. The default is found from the working folder upwards.
	Dir string
	// Scrape is the scrape interval of Prometheus; the default is 5 s. A stack that is attached to
	// keeps its own, which Addresses tells.
	Scrape time.Duration
	// Log gets the progress of building and starting; an *os.File that is a terminal gets it updated
	// in place. The default discards it.
	Log io.Writer
	// Keep keeps the stack's folder with logs and data after Stop.
	Keep bool
}

// Addresses tell where the parts of a stack are: the content of its ready file.
type Addresses struct {
	// Kubeconfig is the path of the administrator's kubeconfig and Token its bearer token.
	Kubeconfig string `json:"kubeconfig"`
	Token      string `json:"token"`
	// DaemonKubeconfig and DaemonToken are those of the user "rollbackd", so that the audit log
	// tells the daemon's calls from the test's.
	DaemonKubeconfig string `json:"daemonKubeconfig"`
	DaemonToken      string `json:"daemonToken"`
	// APIServer is the URL of the API server and CAFile the certificate to verify it with.
	APIServer string `json:"apiServer"`
	CAFile    string `json:"caFile"`
	// AuditLog is the path of the API server's audit log; see Stack.Audit.
	AuditLog string `json:"auditLog"`
	// Prometheus, NATS, Simulator and Control are URLs.
	Prometheus string `json:"prometheus"`
	NATS       string `json:"nats"`
	Simulator  string `json:"simulator"`
	Control    string `json:"control"`
	// Scrape is the scrape interval of the main Prometheus, such as "1s".
	Scrape string `json:"scrape"`
	// Dir is the stack's temporary folder; its logs are in the folder logs below it.
	Dir string `json:"dir"`
	// PID is the process id of the stack and PIDs are those of its child processes by name.
	PID  int            `json:"pid"`
	PIDs map[string]int `json:"pids"`
}

// Stack is a running stack.
type Stack struct {
	// Addresses tell where its parts are.
	Addresses

	program *program
}

// Start builds what is missing, starts a stack and returns when it is ready, or attaches to a
// running one. It takes minutes the first time, when Kubernetes is compiled. When ctx ends before
// the stack is ready the start is given up; afterwards ctx has no effect on it.
func Start(ctx context.Context, options Options) (*Stack, error) {
	if path := os.Getenv(EnvironmentVariable); path != "" {
		return attach(ctx, path)
	}
	if options.Log == nil {
		options.Log = io.Discard
	}
	if options.Dir == "" {
		root, err := Root()
		if err != nil {
			return nil, err
		}
		options.Dir = root
	}
	binary, err := build(ctx, options)
	if err != nil {
		return nil, err
	}
	program, err := launch(binary, options)
	if err != nil {
		return nil, err
	}
	addresses, err := program.awaitReady(ctx)
	if err != nil {
		return nil, errors.Join(err, program.stop())
	}
	return &Stack{Addresses: addresses, program: program}, nil
}

// Attached tells whether the stack was running before Start.
func (s *Stack) Attached() bool { return s.program == nil }

// Done is closed when the stack has ended. Of a stack that is attached to it is nil.
func (s *Stack) Done() <-chan struct{} {
	if s.program == nil {
		return nil
	}
	return s.program.ended
}

// Stop ends the stack with all its processes and returns when they are gone. It leaves a stack
// alone that Start attached to. An error means that the stack had failed before.
func (s *Stack) Stop() error {
	if s.program == nil {
		return nil
	}
	return s.program.stop()
}

// Root returns the root of the repository: the nearest folder above the working folder that holds
// the stack's sources.
func Root() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the root of the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "test", "stack", "go.mod")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("find the root of the repository: no folder above the working folder holds test/stack; set Options.Dir")
		}
		folder = parent
	}
}

func attach(ctx context.Context, path string) (*Stack, error) {
	addresses, err := readReadyFile(path)
	if err != nil {
		return nil, fmt.Errorf("attach to the stack that %s names (start one, or unset it): %w", EnvironmentVariable, err)
	}
	s := &Stack{Addresses: addresses}
	if err := s.call(ctx, "GET", addresses.Control+"/healthz", nil); err != nil {
		return nil, fmt.Errorf("attach to the stack that %s names (is it still running?): %w", EnvironmentVariable, err)
	}
	return s, nil
}

func readReadyFile(path string) (Addresses, error) {
	var addresses Addresses
	content, err := os.ReadFile(path)
	if err != nil {
		return addresses, err
	}
	if err := json.Unmarshal(content, &addresses); err != nil {
		return addresses, fmt.Errorf("decode %s: %w", path, err)
	}
	return addresses, nil
}

// build compiles the stack program, which is quick unless its sources have changed.
func build(ctx context.Context, options Options) (string, error) {
	bin := filepath.Join(options.Dir, ".stack", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", fmt.Errorf("create the folder of built programs: %w", err)
	}
	// A folder of its own and a rename, because a running program cannot be overwritten and a
	// half-written one must not be run.
	temporary, err := os.MkdirTemp(bin, "build-stack-")
	if err != nil {
		return "", fmt.Errorf("create a folder to build in: %w", err)
	}
	defer os.RemoveAll(temporary)
	built := filepath.Join(temporary, "stack")
	// The same settings as for the Kubernetes binary, so that the two share what is compiled.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", built, ".")
	cmd.Dir = filepath.Join(options.Dir, "test", "stack")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	fmt.Fprintln(options.Log, "building the stack program (about a minute the first time)")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the stack program: %w\n%s", err, output)
	}
	binary := filepath.Join(bin, "stack")
	if err := os.Rename(built, binary); err != nil {
		return "", fmt.Errorf("put the stack program in place: %w", err)
	}
	return binary, nil
}
