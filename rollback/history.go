package rollback

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// History is what the cluster still holds of the past of a Deployment: its ReplicaSets, of which it keeps the ten newest old
// ones unless told otherwise.
type History struct {
	Workload Workload
	// Revisions are all ReplicaSets that the workload owns, the newest revision first.
	Revisions []Revision
}

// Histories lists the histories of all Deployments of a namespace, or of all namespaces if it is empty.
func (c *Cluster) Histories(ctx context.Context, namespace string) ([]History, error) {
	where := "namespace " + namespace
	if namespace == "" {
		where = "all namespaces"
	}
	deployments, err := c.list(ctx, deploymentsResource(), namespace, "")
	if err != nil {
		return nil, fmt.Errorf("unable to list the Deployments of %s: %w", where, err)
	}
	replicaSets, err := c.list(ctx, replicaSetsResource(), namespace, "")
	if err != nil {
		return nil, fmt.Errorf("unable to list the ReplicaSets of %s: %w", where, err)
	}
	return c.histories(deployments, replicaSets)
}

// histories gives each Deployment its ReplicaSets.
func (c *Cluster) histories(deployments, replicaSets []apiObject) ([]History, error) {
	byOwner := map[string][]apiObject{}
	for _, rs := range replicaSets {
		if owner := metav1.GetControllerOfNoCopy(rs); owner != nil {
			byOwner[string(owner.UID)] = append(byOwner[string(owner.UID)], rs)
		}
	}
	var out []History
	for _, object := range deployments {
		var d deployment
		if err := readInto(object, &d); err != nil {
			return nil, err
		}
		s := c.snapshot(d)
		if err := s.setRevisions(byOwner[s.UID], nil); err != nil {
			return nil, err
		}
		out = append(out, History{Workload: s.Workload, Revisions: s.Revisions})
	}
	return out, nil
}
