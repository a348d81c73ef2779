// Package chaos breaks things under the daemon on purpose, on the local stack, and shows what came of it in tables: the
// daemon is killed at each point of a rollback, everything that it depends on fails in every way, and two of it run at once.
//
// A plain run takes a few of the cases; make chaos takes all of them.
package chaos

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

// whole has all cases run instead of a few; seed repeats what chance decided in a run whose log has the seed.
var (
	whole = flag.Bool("whole", false, "run all cases, not a few")
	seed  = flag.Uint64("seed", 0, "what chance decides; 0 for something new")
)

// world is what all tests share.
type world struct {
	stack  *localstack.Stack
	client kubernetes.Interface
	// binary is rollbackd with the tag chaos, kubectl the kubectl of the stack's version.
	binary, kubectl string
	tables          *tables
	// ports are those of the tests' own servers.
	ports localstack.Ports
}

// shared is set by TestMain before any test runs and never changed after.
var shared *world

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil { // the cases wait far more than they compute
		panic(err)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		return m.Run()
	}
	folder, err := os.MkdirTemp("", "rollbackd-chaos-")
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
			fmt.Fprintln(os.Stderr, "chaos: the stack did not stop well:", err)
		}
	}()
	shared = w
	code := m.Run()
	w.tables.print(os.Stdout)
	return code
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "chaos:", err)
	return 1
}

func newWorld(folder string) (*world, error) {
	root, err := localstack.Root()
	if err != nil {
		return nil, err
	}
	w := &world{binary: filepath.Join(folder, "rollbackd"), kubectl: filepath.Join(folder, "kubectl"), tables: &tables{}}
	if err := build(root, nil, "-tags", "chaos", "-o", w.binary, "./cmd/rollbackd"); err != nil {
		return nil, err
	}
	// The settings of the stack's own programs, with which it shares much of what is compiled.
	settings := []string{"GOWORK=off", "CGO_ENABLED=0"}
	if err := build(filepath.Join(root, "test", "kubectl"), settings, "-trimpath", "-o", w.kubectl, "."); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	w.stack, err = localstack.Start(ctx, localstack.Options{Scrape: time.Second, Log: os.Stderr})
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

func build(folder string, settings []string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build"}, args...)...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), settings...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build in %s: %w\n%s", folder, err, out)
	}
	return nil
}

// onStack skips a test in a short run, and else lets it run beside the others.
func onStack(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the local stack; run without -short")
	}
	t.Parallel()
	return shared
}

// alone skips a test in a short run, and else lets it have the stack for itself: Go runs what is not parallel first.
func alone(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the local stack; run without -short")
	}
	return shared
}

// onlyWhole skips what only make chaos runs.
func onlyWhole(t *testing.T) {
	t.Helper()
	if !*whole {
		t.Skip("run by make chaos")
	}
}
