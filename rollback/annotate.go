package rollback

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Annotated is a workload that carries an annotation.
type Annotated struct {
	Workload Workload
	Value    string
}

// Annotate gives a workload an annotation, or takes it away where the value is empty. It changes nothing else: neither
// the template nor the generation. The error is ErrNotFound if there is no such workload.
func (c *Cluster) Annotate(ctx context.Context, w Workload, name, value string) error {
	var wanted any // null takes it away
	if value != "" {
		wanted = value
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{name: wanted}}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	_, err = c.client.Resource(w.Kind.resource()).Namespace(w.Namespace).
		Patch(ctx, w.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: FieldManager})
	if isGone(err) {
		return fmt.Errorf("%s: %w", w, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("unable to annotate %s: %w", w.workloadName(), err)
	}
	return nil
}

// Annotated lists the workloads of a kind in a namespace that carry an annotation; an empty namespace means all of them.
func (c *Cluster) Annotated(ctx context.Context, kind Kind, namespace, name string) ([]Annotated, error) {
	var found []Annotated
	options := metav1.ListOptions{Limit: c.options.PageSize}
	for {
		page, err := c.page(ctx, kind.resource(), namespace, options)
		if err != nil {
			return nil, fmt.Errorf("unable to list the %ss of %s: %w", kind, namespaceName(namespace), err)
		}
		for i := range page.Items {
			o := &page.Items[i]
			if value, ok := o.GetAnnotations()[name]; ok {
				found = append(found, Annotated{Workload: Workload{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}, Value: value})
			}
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return found, nil
		}
	}
}

func namespaceName(namespace string) string {
	if namespace == "" {
		return "all namespaces"
	}
	return "namespace " + namespace
}
