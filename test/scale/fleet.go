package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
)

// fleet is many services on the local stack.
type fleet struct{ apps []sampleapp.App }

// atOnce is how many of them are worked on at the same time.
const atOnce = 32

func newFleet(client kubernetes.Interface, services, replicas int) fleet {
	f := fleet{apps: make([]sampleapp.App, services)}
	for n := range f.apps {
		f.apps[n] = sampleapp.App{
			Client: client, Namespace: team(n % namespaces), Name: fmt.Sprintf("checkout-service-%04d", n),
			Replicas: int32(replicas), RPS: 1,
		}
	}
	return f
}

func team(n int) string { return fmt.Sprintf("team-%02d", n) }

// each does something for every service, in no order.
func (f fleet) each(ctx context.Context, do func(context.Context, sampleapp.App) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, a := range f.apps {
		group.Go(func() error { return do(ctx, a) })
	}
	return group.Wait()
}

// create brings v1 of every service into service.
func (f fleet) create(ctx context.Context) error {
	return f.each(ctx, func(ctx context.Context, a sampleapp.App) error { return a.Create(ctx, "v1", sampleapp.Behaviour{}) })
}

// release brings v2 of every service into service and announces it.
func (f fleet) release(ctx context.Context, announce func(context.Context, event.Event) error) error {
	return f.each(ctx, func(ctx context.Context, a sampleapp.App) error {
		if err := a.Deploy(ctx, "v2", sampleapp.Behaviour{}); err != nil {
			return err
		}
		return announce(ctx, event.Event{
			ID: a.Name + "-v2", Timestamp: time.Now().UTC(), Environment: "production",
			Namespace: a.Namespace, Workload: a.Name, Version: "v2", PreviousVersion: "v1", Operator: "scale",
		})
	})
}

// joined adds what went wrong while cleaning up.
func joined(err, cleaning error) error { return errors.Join(err, cleaning) }
