// Package demo tells three stories on a real Kubernetes control plane, a real Prometheus and a real NATS, all on
// loopback: a bad release that rollbackd takes back, a good one that it leaves alone, and a blue-green switch to a slow
// version that it switches back. It does what a deploy tool and an onlooker would do, and ends by asking the servers
// themselves whether the stories ended as they should.
package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
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

// Run tells the stories. It returns nil only if all ended as they should, and leaves nothing running.
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
	// checkout is updated in place, payments switched between two colours.
	checkout, payments service
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
	pair := app
	pair.Name = paired
	return &stage{stack: stack, daemon: d, screen: s, checkout: service{App: app}, payments: service{pair, true}}, nil
}

// play tells the stories one after the other. The next is told also if one ended wrongly, because all together tell
// more about what is wrong; but not if one never ended. It ends with what people will read: the first incident's whole
// timeline, and the part of the second's that a runbook asks for.
func (s *stage) play(ctx context.Context) error {
	if err := s.prologue(ctx); err != nil {
		return err
	}
	stories := []story{s.badRelease(), s.goodRelease(), s.badSwitch()}
	views := make([]watch.View, len(stories))
	var err error
	for i, story := range stories {
		var failed error
		views[i], failed = s.tell(ctx, story)
		err = errors.Join(err, failed)
		if !views[i].Final || ctx.Err() != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(err, s.showTimeline(views[0], whole), s.showTimeline(views[2], head))
}
