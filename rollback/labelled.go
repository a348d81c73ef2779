package rollback

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/labels"
)

// Labelled lists the workloads of a kind in a namespace that carry all of the labels. What it returns was read without
// revisions and pods; Read has those. An error says that it is not known which there are, never that there are none.
func (c *Cluster) Labelled(ctx context.Context, kind Kind, namespace string, carried map[string]string) ([]Snapshot, error) {
	selector, err := labels.ValidatedSelectorFromSet(carried)
	if err != nil || selector.Empty() {
		return nil, fmt.Errorf("unable to list by the labels %v: they are not valid, or none", carried)
	}
	objects, err := c.list(ctx, kind.resource(), namespace, selector.String())
	if err != nil {
		return nil, fmt.Errorf("unable to list the %ss of namespace %s: %w", kind, namespace, err)
	}
	var out []Snapshot
	for _, object := range objects {
		var d deployment
		if err := readInto(object, &d); err != nil {
			return nil, err
		}
		d.Kind = kind.String() // the items of a list need not say it
		out = append(out, c.snapshot(d))
	}
	return out, nil
}

// ProgressedAt is when the newest rollout of a Deployment last got any further, which is not before it began; zero if its
// controller does not say.
func (s Snapshot) ProgressedAt() (at time.Time) {
	if progress := s.condition("Progressing"); progress != nil {
		at = progress.LastUpdateTime
	}
	return at
}
