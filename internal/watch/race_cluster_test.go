package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/rollbackd/rollbackd/rollback"
)

// raceCluster is a namespace of Kubernetes as the API server holds it.
type raceCluster struct {
	workloads map[string]*workloadObject
	service   *serviceObject
	landed    []landing
}

// landing is a patch of rollbackd's that the API server accepted.
type landing struct {
	intent string
	// before is the template that it replaced, or that of the new colour as the patching process had last seen it.
	before, after json.RawMessage
	// from and to are the colours of a Service.
	from, to string
}

// raceAPI is the cluster as one process reaches it: calls fail, and anything may happen before and after each.
type raceAPI struct {
	dynamic.Interface
	*raceCluster
	// around is told of every call, before it is carried out and after; its error is what the caller gets.
	around func(call string) error
	// seen are the workloads' templates as this process last read them.
	seen map[string]json.RawMessage
}

func (a *raceAPI) Resource(r schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	return raceResource{raceAPI: a, kind: r.Resource}
}

type raceResource struct {
	dynamic.NamespaceableResourceInterface
	*raceAPI
	kind string
}

func (r raceResource) Namespace(string) dynamic.ResourceInterface { return r }

// call is one request: what happens meanwhile happens before or after it.
func (r raceResource) call(verb string, do func() error) error {
	if err := r.around("api." + verb); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return r.around("api." + verb)
}

func (r raceResource) Get(_ context.Context, name string, _ metav1.GetOptions, _ ...string) (out *unstructured.Unstructured, err error) {
	err = r.call("get", func() error {
		encoded := r.object(name)
		if encoded == nil {
			return apierrors.NewNotFound(schema.GroupResource{Resource: r.kind}, name)
		}
		out = decodeObject(encoded)
		return nil
	})
	return out, err
}

func (r raceResource) object(name string) []byte {
	if r.kind == "services" {
		if r.service == nil || r.service.meta.Name != name {
			return nil
		}
		return r.service.encode()
	}
	d := r.workloads[name]
	if d == nil {
		return nil
	}
	r.seen[name] = d.template
	return d.encode()
}

func (r raceResource) List(_ context.Context, o metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	out := &unstructured.UnstructuredList{Object: map[string]any{"metadata": map[string]any{}}}
	selector, err := labels.Parse(o.LabelSelector)
	if err != nil {
		return nil, err
	}
	err = r.call("list", func() error {
		for name, d := range r.workloads {
			for _, encoded := range r.listed(name, d) {
				if u := decodeObject(encoded); r.kind != "pods" || selector.Matches(labels.Set(u.GetLabels())) {
					out.Items = append(out.Items, *u)
				}
			}
		}
		return nil
	})
	return out, err
}

func (r raceResource) listed(name string, d *workloadObject) [][]byte {
	switch r.kind {
	case "deployments":
		r.seen[name] = d.template
		return [][]byte{d.encode()}
	case "pods":
		return d.pods()
	}
	var out [][]byte
	for _, s := range d.sets {
		out = append(out, s.encode(d))
	}
	return out
}

// Patch does what the API server does with a JSON patch, with the library that it uses.
func (r raceResource) Patch(_ context.Context, name string, _ types.PatchType, body []byte, _ metav1.PatchOptions, _ ...string) (*unstructured.Unstructured, error) {
	err := r.call("patch", func() error {
		object := r.unseen(name)
		if object == nil {
			return apierrors.NewNotFound(schema.GroupResource{Resource: r.kind}, name)
		}
		patch, err := jsonpatch.DecodePatch(body)
		if err != nil {
			return err
		}
		changed, err := patch.Apply(object)
		if err != nil {
			return apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "patch", schema.GroupResource{Resource: r.kind}, name, err.Error(), 0, false)
		}
		return r.land(name, changed)
	})
	return &unstructured.Unstructured{}, err
}

// unseen is object without noting that the process has seen it.
func (r raceResource) unseen(name string) []byte {
	seen := r.seen[name]
	defer func() { r.seen[name] = seen }()
	return r.object(name)
}

func (r raceResource) land(name string, changed []byte) error {
	var after struct {
		Metadata metav1.ObjectMeta
		Spec     struct {
			Template json.RawMessage
			Selector json.RawMessage
		}
	}
	if err := json.Unmarshal(changed, &after); err != nil {
		return err
	}
	l := landing{intent: after.Metadata.Annotations[rollback.IntentAnnotation]}
	if r.kind == "services" {
		selector := map[string]string{}
		if err := json.Unmarshal(after.Spec.Selector, &selector); err != nil {
			return err
		}
		l.before, l.from, l.to = r.seen[raceWorkload], r.service.selector[colourKey], selector[colourKey]
		r.service.selector, r.service.meta.Annotations = selector, after.Metadata.Annotations
		bump(&r.service.meta)
	} else {
		d := r.workloads[name]
		l.before, l.after = d.template, after.Spec.Template
		d.meta.Annotations = after.Metadata.Annotations
		d.deploy(after.Spec.Template)
	}
	r.landed = append(r.landed, l)
	return nil
}

func decodeObject(encoded []byte) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(encoded); err != nil {
		panic(err)
	}
	return u
}

// by returns the patches that carried out intents of a watch.
func (c *raceCluster) by(key string) []landing {
	var out []landing
	for _, l := range c.landed {
		if strings.HasPrefix(l.intent, key+".") {
			out = append(out, l)
		}
	}
	return out
}

// errRace is what a call fails with that might as well have succeeded.
var errRace = errors.New("the connection was lost")

// String shows what there is, for whoever reads a failure.
func (c *raceCluster) String() string {
	var b strings.Builder
	for name, d := range c.workloads {
		fmt.Fprintf(&b, "%s: %s (revision %s) ", name, d.template, d.meta.Annotations[revisionKey])
	}
	if c.service != nil {
		fmt.Fprintf(&b, "service: %v", c.service.selector)
	}
	return b.String()
}
