package rollback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// Changed is a Deployment whose containers may have changed.
type Changed struct {
	Workload Workload
	// ProgressedAt is when its newest rollout last got any further, which is not before it began; zero if the Deployment
	// controller does not say.
	ProgressedAt time.Time
}

// Feed tells of Deployments that begin to run something else.
type Feed struct {
	client  dynamic.Interface
	onError func(namespace string, err error)
}

// NewFeed returns a Feed that asks through client. Failed lists and watches are told to onError, which must not block, and
// are tried again.
func NewFeed(client dynamic.Interface, onError func(namespace string, err error)) *Feed {
	return &Feed{client: client, onError: onError}
}

// Run tells of every Deployment that there is in the namespaces, of which "" means all, and then of each one whose
// containers change, until ctx ends. A restart, a change of labels and scaling are not told. tell must not block.
func (f *Feed) Run(ctx context.Context, namespaces []string, tell func(Changed)) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, namespace := range namespaces {
		informer := dynamicinformer.NewFilteredDynamicInformer(f.client, deploymentsResource(), namespace, 0, cache.Indexers{}, nil).Informer()
		if err := f.prepare(informer, namespace, tell); err != nil {
			return fmt.Errorf("unable to watch the Deployments of %s: %w", namespaceName(namespace), err)
		}
		group.Go(func() error { informer.RunWithContext(ctx); return nil })
	}
	return group.Wait()
}

func (f *Feed) prepare(informer cache.SharedIndexInformer, namespace string, tell func(Changed)) error {
	err := informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
		if !errors.Is(err, context.Canceled) {
			f.onError(namespace, err)
		}
	})
	if err != nil {
		return err
	}
	if err := informer.SetTransform(packing(cutToTemplate)); err != nil {
		return err
	}
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) {
			if d, ok := readDeployment(object); ok {
				tell(changed(d))
			}
		},
		UpdateFunc: func(before, after any) {
			old, okOld := readDeployment(before)
			now, okNow := readDeployment(after)
			if okOld && okNow && !ContainersEqual(old.Spec.Template, now.Spec.Template) {
				tell(Changed{Workload: changed(now).Workload})
			}
		},
	})
	return err
}

func readDeployment(object any) (deployment, bool) {
	var d deployment
	u, ok := asObject(object)
	return d, ok && readInto(u, &d) == nil
}

func changed(d deployment) Changed {
	return Changed{Workload: Workload{Namespace: d.Metadata.Namespace, Name: d.Metadata.Name}, ProgressedAt: newSnapshot(d, nil).ProgressedAt()}
}
