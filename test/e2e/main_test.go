// Package e2e tests the daemon as its users run it: the real binary against a real Kubernetes control plane, a real
// Prometheus and real NATS on the local stack. Every test has a daemon, a NATS and a namespace of its own, so that
// they run side by side.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollbackd/rollbackd/internal/localstack"
)

// scrape is how often the stack's Prometheus scrapes.
const scrape = time.Second

// world is what all tests share.
type world struct {
	stack  *localstack.Stack
	client kubernetes.Interface
	// binary is rollbackd, built with the race detector; rollbackctl lies beside it.
	binary string
	// ports are those of the tests' own servers.
	ports localstack.Ports
}

// shared is set by TestMain before any test runs and never changed after.
var shared *world

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait far more than they compute, so more of them may run at once than there are processors. This many keep
	// two processors busy for about half of the time, which leaves them room for what else runs there: where there is none, scrapes come late,
	// and nothing can be judged.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		return m.Run()
	}
	folder, err := os.MkdirTemp("", "rollbackd-e2e-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(folder)
	w, err := newWorld(folder)
	if err != nil {
		return fail(err)
	}
	defer func() {
		if err := w.stack.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e: the stack did not stop well:", err)
		}
	}()
	shared = w
	code := m.Run()
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""
	if err := w.checkUsage(whole && code == 0); err != nil {
		return fail(err)
	}
	return code
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

func newWorld(folder string) (*world, error) {
	root, err := localstack.Root()
	if err != nil {
		return nil, err
	}
	w := &world{binary: filepath.Join(folder, "rollbackd")}
	build := exec.Command("go", "build", "-race", "-o", folder+"/", "./cmd/...")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build rollbackd: %w\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	w.stack, err = localstack.Start(ctx, localstack.Options{Scrape: scrape, Log: os.Stderr})
	if err != nil {
		return nil, fmt.Errorf("start the local stack: %w", err)
	}
	rc, err := clientcmd.BuildConfigFromFlags("", w.stack.Kubeconfig)
	if err != nil {
		return nil, err
	}
	rc.QPS = -1
	w.client, err = kubernetes.NewForConfig(rc)
	return w, err
}

// onStack skips a test that needs the stack in a short run, and else lets it run beside the others. A test of several cases
// must call it before it starts them: while a test that is not parallel waits for its parallel cases, nothing else runs.
func onStack(t *testing.T) *world {
	t.Helper()
	w := alone(t)
	t.Parallel()
	return w
}

// alone is onStack for a test that loads the stack so much that others beside it would be short of samples: tests that are not
// parallel come first.
func alone(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the local stack; run without -short")
	}
	return shared
}
