package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"
)

// Asker asks the API server what its caller may do. Everybody who is logged in may ask.
type Asker interface {
	// Rules lists what the caller may do in a namespace. The list may be incomplete, but what it has is allowed.
	Rules(ctx context.Context, namespace string) ([]authorizationv1.ResourceRule, error)
	// May reports whether the caller may do one thing.
	May(ctx context.Context, n Need) (bool, error)
}

// Missing returns those of the needs that are not allowed, in their order. An error says that it is not known.
//
// A namespace's list answers for nearly everything in one call. What it does not have is asked for by itself, because authorizers
// that cannot list, such as webhooks, may allow more.
func Missing(ctx context.Context, ask Asker, needs []Need) ([]Need, error) {
	listed := map[string][]authorizationv1.ResourceRule{}
	var missing []Need
	for _, n := range needs {
		rules, asked := listed[n.Namespace]
		if !asked && n.Namespace != "" { // a list is of one namespace, and tells nothing of all
			rules, _ = ask.Rules(ctx, n.Namespace) // whoever does not list is asked for each
			listed[n.Namespace] = rules
		}
		if slices.ContainsFunc(rules, n.coveredBy) {
			continue
		}
		may, err := ask.May(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("whether rollbackd may %s is not known: %w", n, err)
		}
		if !may {
			missing = append(missing, n)
		}
	}
	return missing, nil
}

// coveredBy reports whether a rule surely allows the need.
func (n Need) coveredBy(r authorizationv1.ResourceRule) bool {
	has := func(list []string, value string) bool {
		return slices.Contains(list, value) || slices.Contains(list, "*")
	}
	named := len(r.ResourceNames) == 0 || n.Name != "" && slices.Contains(r.ResourceNames, n.Name)
	resource := has(r.Resources, n.Rule.Resource)
	if _, sub, found := strings.Cut(n.Rule.Resource, "/"); found {
		resource = resource || slices.Contains(r.Resources, "*/"+sub)
	}
	return named && resource && has(r.Verbs, n.Verb) && has(r.APIGroups, n.Rule.Group)
}

// The pace at which a client asks, in calls a second: it is in no hurry, and must be in nobody's way.
const qps, burst = 20, 40

// client asks by a real API server.
type client struct {
	api authorization.AuthorizationV1Interface
}

// NewAsker returns an Asker that asks as whom the configuration logs in as, or impersonates.
func NewAsker(rc *rest.Config) (Asker, error) {
	rc = rest.CopyConfig(rc)
	rc.QPS, rc.Burst = qps, burst
	api, err := authorization.NewForConfig(rc)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	return client{api}, nil
}

func (c client) Rules(ctx context.Context, namespace string) ([]authorizationv1.ResourceRule, error) {
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	answer, err := c.api.SelfSubjectRulesReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return answer.Status.ResourceRules, nil
}

func (c client) May(ctx context.Context, n Need) (bool, error) {
	resource, sub, _ := strings.Cut(n.Rule.Resource, "/")
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: n.Namespace, Verb: n.Verb, Group: n.Rule.Group, Resource: resource, Subresource: sub, Name: n.Name,
		},
	}}
	answer, err := c.api.SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return answer.Status.Allowed, nil
}
