// Package demo tells two stories on a real Kubernetes control plane, a real Prometheus and a real NATS, all on
// loopback: a bad release that rollbackd takes back, and a good one that it leaves alone. It does what a deploy tool
// and an onlooker would do, and ends by asking the servers themselves whether the stories ended as they should.
package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
)

// UsageError is a mistake of whoever started the demo.
type UsageError string

// Error implements error.
func (e UsageError) Error() string { return string(e) }

const (
	errNotInCheckout UsageError = "the demo builds and starts a local Kubernetes from the sources in test/stack; run it in a checkout of the repository"
	errAttached      UsageError = "the demo starts a stack of its own; unset " + localstack.EnvironmentVariable
)

var (
	// errInterrupted is what is left to say after Ctrl-C.
	errInterrupted = errors.New("the demo was stopped before its end; nothing of it is left running")
	errStackEnded  = errors.New("the local stack has ended by itself; what it said is above")
)

// scrape is how often the demo's Prometheus scrapes.
const scrape = time.Second

// Options say how the demo is run.
type Options struct {
	// Executable is the rollbackd to run as the daemon.
	Executable string
	// Out is where the stories are told, and Progress where the stack's build and start are.
	Out, Progress *os.File
}

// Run tells both stories. It returns nil only if both ended as they should, and leaves nothing running.
func Run(ctx context.Context, o Options) error {
	if _, err := localstack.Root(); err != nil {
		return errNotInCheckout
	}
	if os.Getenv(localstack.EnvironmentVariable) != "" {
		return errAttached
	}
	err := run(ctx, o)
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

func run(ctx context.Context, o Options) (err error) {
	began := time.Now()
	screen := newScreen(o.Out, lookOf(o.Out))
	screen.title()
	stack, err := localstack.Start(ctx, localstack.Options{Scrape: scrape, Log: o.Progress})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	daemon, err := startDaemon(ctx, daemonOptions{executable: o.Executable, addresses: stack.Addresses})
	if err != nil {
		return err
	}
	defer func() { err = daemon.close(ctx, err) }()
	stage, err := newStage(stack, daemon, screen)
	if err != nil {
		return err
	}
	if err := stage.play(untilEnded(ctx, stack.Done())); err != nil {
		return err
	}
	screen.ending(time.Since(began))
	return nil
}

// untilEnded returns a context that also ends with the stack: nothing can be waited for without it.
func untilEnded(ctx context.Context, ended <-chan struct{}) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-ended:
			cancel(errStackEnded)
		case <-ctx.Done():
		}
	}()
	return ctx
}

// stage is what the stories are played on.
type stage struct {
	stack  *localstack.Stack
	daemon *daemon
	screen *screen
	app    sampleapp.App
}

func newStage(stack *localstack.Stack, d *daemon, s *screen) (*stage, error) {
	config, err := clientcmd.BuildConfigFromFlags("", stack.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("connect to the local stack's API server: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the local stack's API server: %w", err)
	}
	app := sampleapp.App{Client: client, Namespace: namespace, Name: workload, Replicas: 3, RPS: 60}
	return &stage{stack: stack, daemon: d, screen: s, app: app}, nil
}

// play tells the stories one after the other. The second is told also if the first ended wrongly, because both
// together tell more about what is wrong; but not if the first never ended.
func (s *stage) play(ctx context.Context) error {
	if err := s.prologue(ctx); err != nil {
		return err
	}
	bad, err := s.tell(ctx, badRelease())
	if bad.Final && ctx.Err() == nil {
		_, goodErr := s.tell(ctx, goodRelease())
		err = errors.Join(err, goodErr)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if bad.Incident != "" {
		err = errors.Join(err, s.showTimeline(timelinePath(bad.Incident)))
	}
	return err
}

// timelinePath is where the daemon writes an incident's timeline, seen from the working folder of both.
func timelinePath(incident string) string {
	return filepath.Join("artifacts", "integration", incident, "timeline.md")
}

func (s *stage) showTimeline(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the timeline: %w", err)
	}
	s.screen.document(path, string(text))
	return nil
}
