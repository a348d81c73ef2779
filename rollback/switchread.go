package rollback

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// readSwitch adds to a snapshot what its switch is about, from live answers.
func (c *Cluster) readSwitch(ctx context.Context, s *Snapshot, sw Switch) error {
	state, err := c.getService(ctx, s.Workload.Namespace, sw)
	s.Switch = state
	if err != nil || !state.switchable() {
		return err
	}
	selector, err := state.anyColour()
	if err != nil {
		return fmt.Errorf("unable to read the selector of %s: %w", s.serviceName(), err)
	}
	pods, err := c.list(ctx, podsResource(), s.Workload.Namespace, selector.String())
	if err != nil {
		return fmt.Errorf("unable to list the pods of %s: %w", s.serviceName(), err)
	}
	state.countReady(pods)
	// Whose pods a Service selects is said by their templates, which no list request can ask for.
	deployments, err := c.list(ctx, deploymentsResource(), s.Workload.Namespace, "")
	if err != nil {
		return fmt.Errorf("unable to list the Deployments of namespace %s: %w", s.Workload.Namespace, err)
	}
	parts := func(d deployment) (replicaSets, pods []apiObject, err error) { return c.parts(ctx, d) }
	return s.findOld(deployments, parts)
}

// getService reads the Service alone. The state has no UID if the API server says that there is none.
func (c *Cluster) getService(ctx context.Context, namespace string, sw Switch) (*SwitchState, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	object, err := c.client.Resource(servicesResource()).Namespace(namespace).Get(ctx, sw.Service, metav1.GetOptions{})
	if isGone(err) {
		return &SwitchState{Switch: sw}, nil
	}
	var svc service
	if err == nil {
		err = readInto(object, &svc)
	}
	if err != nil {
		return &SwitchState{Switch: sw}, fmt.Errorf("unable to read %s: %w", serviceName(namespace, sw), err)
	}
	return newSwitchState(sw, svc), nil
}
