package rollback

import (
	"context"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Inspection is what was found of what the target of a pin cannot run without.
type Inspection struct {
	// Missing are the ConfigMaps and Secrets, or keys of them, that the target's template names and that are not there.
	Missing []string
	// Unpullable says which image of the target could not be pulled when it was last tried; empty if nothing says so.
	Unpullable string
	// Autoscaler is that of the old colour, where this was scaled down; nil if there is none.
	Autoscaler *Autoscaler
	// Unchecked says what could not be looked at, because the API server forbids it.
	Unchecked []string
}

func configMapsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
}

func secretsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
}

func eventsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "events"}
}

// Inspect adds to a snapshot what planning needs to know of the pin's target beyond the workload itself: whether the
// ConfigMaps that it names are there, Secrets too if the options say so, and whether its image could be pulled of late.
// What the API server forbids to look at is noted and is no error.
func (c *Cluster) Inspect(ctx context.Context, pin Pin, s Snapshot) (Snapshot, error) {
	target := pin.starts(s)
	if target == nil {
		return s, nil
	}
	var found Inspection
	for _, n := range needs(target.Template) {
		if n.kind == kindSecret && !c.options.CheckSecrets {
			continue
		}
		if err := c.inspectNeed(ctx, s.Workload.Namespace, n, &found); err != nil {
			return s, err
		}
	}
	if err := c.inspectImages(ctx, s, *target, &found); err != nil {
		return s, err
	}
	if pin.Switch != nil {
		if err := c.inspectAutoscaler(ctx, pin.Switch.OldWorkload, &found); err != nil {
			return s, err
		}
	}
	s.Inspected = &found
	return s, nil
}

// starts returns the version of which a rollback would start pods; nil if it would start none.
func (p Pin) starts(s Snapshot) *Revision {
	switch {
	case p.Switch != nil:
		return p.scaledDown(s)
	case p.Canary != nil && !p.Canary.Undo:
		return nil
	case p.Canary != nil:
		return p.Canary.Earlier
	}
	return p.Target
}

func (c *Cluster) inspectNeed(ctx context.Context, namespace string, n need, found *Inspection) error {
	resource := configMapsResource()
	if n.kind == kindSecret {
		resource = secretsResource()
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	object, err := c.client.Resource(resource).Namespace(namespace).Get(ctx, n.name, metav1.GetOptions{})
	switch {
	case isGone(err):
		found.Missing = append(found.Missing, n.lacking(nil, false))
	case IsForbidden(err):
		found.Unchecked = append(found.Unchecked, fmt.Sprintf("%s %s could not be checked: rollbackd may not read it", n.kind, n.name))
	case err != nil:
		return fmt.Errorf("unable to read %s %s/%s: %w", n.kind, namespace, n.name, err)
	default:
		if lacking := n.lacking(keysOf(object), true); lacking != "" {
			found.Missing = append(found.Missing, lacking)
		}
	}
	return nil
}

// keysOf returns the keys of a ConfigMap or Secret. Their values are of no interest, and are not kept.
func keysOf(object *unstructured.Unstructured) map[string]bool {
	keys := map[string]bool{}
	for _, field := range []string{"data", "binaryData"} {
		for key := range child(object.Object, field) {
			keys[key] = true
		}
	}
	return keys
}

// inspectImages asks for the events of failed pulls first, which are few; only if there is one of the target is it asked
// whether it succeeded later.
func (c *Cluster) inspectImages(ctx context.Context, s Snapshot, target Revision, found *Inspection) error {
	failed, err := c.podEvents(ctx, s.Workload.Namespace, reasonFailed)
	if IsForbidden(err) {
		found.Unchecked = append(found.Unchecked, "whether the image could be pulled of late is told by its pods alone: rollbackd may not read events")
		failed, err = nil, nil
	}
	if err != nil {
		return err
	}
	found.Unpullable = unpullableBy(target, s.Pods, failed)
	if found.Unpullable == "" || !slices.ContainsFunc(failed, func(e podEvent) bool { return target.OwnsPod(e.InvolvedObject.Name) }) {
		return nil
	}
	pulled, err := c.podEvents(ctx, s.Workload.Namespace, reasonPulled)
	if err != nil {
		return err
	}
	found.Unpullable = unpullableBy(target, s.Pods, slices.Concat(failed, pulled))
	return nil
}

// podEvents lists the events about the pods of a namespace that have one reason.
func (c *Cluster) podEvents(ctx context.Context, namespace, reason string) ([]podEvent, error) {
	about := fields.Set{"involvedObject.kind": "Pod", "reason": reason}
	objects, err := c.listWith(ctx, eventsResource(), namespace, metav1.ListOptions{FieldSelector: about.String()})
	if err != nil {
		return nil, fmt.Errorf("unable to list the events of namespace %s: %w", namespace, err)
	}
	events := make([]podEvent, len(objects))
	for i, object := range objects {
		err = errors.Join(err, readInto(object, &events[i]))
	}
	return events, err
}
