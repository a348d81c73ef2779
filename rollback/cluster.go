package rollback

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// ErrNotFound says that the API server itself answered that there is no such workload. An API server that cannot be
// reached, or something in front of it that answers 404, is another error.
var ErrNotFound = errors.New("no such workload")

// FieldManager is the name under which rollbackd's changes appear in managedFields.
const FieldManager = "rollbackd"

// Options adjusts a Cluster; the zero value is usable.
type Options struct {
	// Timeout bounds every request; 10 s if zero.
	Timeout time.Duration
	// PageSize is how many objects a list request asks for; 500 if zero.
	PageSize int64
	// CheckSecrets has Inspect look whether the Secrets that a target names are there. It takes the permission to read them.
	CheckSecrets bool
	// ArgoCDNamespace is where Argo CD's Applications are, unless they say otherwise; "argocd" if empty.
	ArgoCDNamespace string
	// VersionLabels tell which version a pod template is; DefaultVersionLabels if there are none.
	VersionLabels VersionLabels
}

// Cluster reads workloads live from the API server and patches them. It uses the dynamic client, because typed clients
// drop fields that are newer than they are.
type Cluster struct {
	client  dynamic.Interface
	options Options
}

// NewCluster returns a Cluster that asks through client. The client needs no request timeout of its own, and its rate
// limit should be lifted (rest.Config.QPS = -1): the API server's own fairness protects it, and a rollback must not
// queue behind reads.
func NewCluster(client dynamic.Interface, options Options) *Cluster {
	if options.Timeout <= 0 {
		options.Timeout = 10 * time.Second
	}
	if options.PageSize <= 0 {
		options.PageSize = 500
	}
	if options.ArgoCDNamespace == "" {
		options.ArgoCDNamespace = "argocd"
	}
	return &Cluster{client: client, options: options}
}

func deploymentsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
}

func replicaSetsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
}

func podsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "pods"}
}

func servicesResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "services"}
}

// Read reads a workload with its revisions and pods, and for a blue-green deployment what its switch is about. The error
// is ErrNotFound if, and only if, the API server says that there is no such workload; that there is no such Service is no
// error. That the API server forbids the read is told by IsForbidden, and the error names the kind.
func (c *Cluster) Read(ctx context.Context, w Workload, sw *Switch) (Snapshot, error) {
	d, err := c.get(ctx, w)
	if err != nil {
		return Snapshot{}, err
	}
	revisions, pods, err := c.parts(ctx, d)
	if err != nil {
		return Snapshot{}, err
	}
	s := c.snapshot(d)
	if err := s.setRevisions(revisions, pods); err != nil || sw == nil {
		return s, err
	}
	return s, c.readSwitch(ctx, &s, *sw)
}

// snapshot reads a workload alone.
func (c *Cluster) snapshot(d deployment) Snapshot { return newSnapshot(d, c.options.VersionLabels) }

// parts lists what a workload's selector matches, which may include revisions and pods of others.
func (c *Cluster) parts(ctx context.Context, d deployment) (revisions, pods []apiObject, err error) {
	w := d.workload()
	selector, err := metav1.LabelSelectorAsSelector(&d.Spec.Selector)
	if err != nil {
		return nil, nil, fmt.Errorf("unable to read the selector of %s: %w", w, err)
	}
	revisions, err = c.list(ctx, w.Kind.revisionResource(), w.Namespace, selector.String())
	if err != nil {
		return nil, nil, fmt.Errorf("unable to list the %ss of %s: %w", w.Kind.revisionKind(), w, err)
	}
	pods, err = c.list(ctx, podsResource(), w.Namespace, selector.String())
	if err != nil {
		return nil, nil, fmt.Errorf("unable to list the pods of %s: %w", w, err)
	}
	return revisions, pods, nil
}

// get reads the workload alone.
func (c *Cluster) get(ctx context.Context, w Workload) (deployment, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	object, err := c.client.Resource(w.Kind.resource()).Namespace(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
	if isGone(err) {
		return deployment{}, fmt.Errorf("%s: %w", w.workloadName(), ErrNotFound)
	}
	if err != nil {
		return deployment{}, fmt.Errorf("unable to read %s: %w", w.workloadName(), err)
	}
	var d deployment
	return d, readInto(object, &d)
}

// list reads all pages of a list; every page has a deadline of its own.
func (c *Cluster) list(ctx context.Context, resource schema.GroupVersionResource, namespace, selector string) ([]apiObject, error) {
	return c.listWith(ctx, resource, namespace, metav1.ListOptions{LabelSelector: selector})
}

func (c *Cluster) listWith(ctx context.Context, resource schema.GroupVersionResource, namespace string, options metav1.ListOptions) ([]apiObject, error) {
	var objects []apiObject
	options.Limit = c.options.PageSize
	for {
		page, err := c.page(ctx, resource, namespace, options)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			objects = append(objects, &page.Items[i])
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return objects, nil
		}
	}
}

func (c *Cluster) page(ctx context.Context, resource schema.GroupVersionResource, namespace string, options metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	return c.client.Resource(resource).Namespace(namespace).List(ctx, options)
}

// isGone reports whether the API server itself said that the object does not exist. A proxy's 404, or that of an API
// server which does not serve Deployments, is not about the object.
func isGone(err error) bool {
	return apierrors.IsNotFound(err) && !apierrors.IsUnexpectedServerError(err) && namesObject(err)
}

func namesObject(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Name != ""
}

// statusCode returns the HTTP status of an answer of the API server; zero if the error is not such an answer.
func statusCode(err error) int {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || apierrors.IsUnexpectedServerError(err) {
		return 0
	}
	return int(status.Status().Code)
}

// IsForbidden reports whether the API server itself refused a call because its caller may not make it.
func IsForbidden(err error) bool { return statusCode(err) == http.StatusForbidden }

// refusedForGood reports whether the same request would be refused again: the API server understood it and said no.
// Expired credentials (401), conflicts, throttling and every failure of the server or the way to it may pass.
func refusedForGood(err error) bool {
	switch statusCode(err) {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusGone,
		http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return true
	}
	return false
}
