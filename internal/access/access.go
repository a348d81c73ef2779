// Package access holds every permission of Kubernetes that rollbackd uses, as data: what it is for, what goes away without it,
// and which feature needs it. Roles, the documentation and the checks of a running daemon are made from the one table.
package access

import (
	"fmt"
	"slices"
	"strings"
)

// Feature is a part of rollbackd that takes permissions of its own.
type Feature string

// The features. Base is what a rolling update of a Deployment takes; everything else can be left out.
const (
	Base             Feature = "base"
	BlueGreen        Feature = "blueGreen"
	Canary           Feature = "canary"
	Autoscalers      Feature = "autoscalers"
	ConfigMaps       Feature = "configMaps"
	PodEvents        Feature = "podEvents"
	PodLogs          Feature = "podLogs"
	StatefulSets     Feature = "statefulSets"
	DaemonSets       Feature = "daemonSets"
	Jobs             Feature = "jobs"
	Secrets          Feature = "secrets"
	ArgoCD           Feature = "argoCD"
	ArgoCDHold       Feature = "argoCDHold"
	FluxHelm         Feature = "fluxHelm"
	FluxHelmHold     Feature = "fluxHelmHold"
	KEDA             Feature = "keda"
	KubernetesEvents Feature = "kubernetesEvents"
	LeaderElection   Feature = "leaderElection"
)

// Scope says in which namespaces a permission is needed. None is needed in the whole cluster.
type Scope string

// The scopes.
const (
	// Watched is each namespace whose deployments are watched.
	Watched Scope = "watched"
	// Own is the namespace in which the daemon runs, or that of its Lease.
	Own Scope = "own"
	// ArgoCDs is the namespace in which Argo CD keeps its Applications.
	ArgoCDs Scope = "argoCD"
)

// Rule is one permission of the table.
type Rule struct {
	Feature Feature
	Scope   Scope
	// Group is the API group, empty for the core one; Resource may name a subresource, as in pods/log.
	Group, Resource string
	Verbs           []string
	// Named is set where a rule need only be about the daemon's own Lease.
	Named bool
	// Why says what it is for, Without what goes away without it.
	Why, Without string
}

// Object is how people and the API server's errors call the resource: deployments.apps, pods/log.
func (r Rule) Object() string { return object(r.Group, r.Resource) }

func object(group, resource string) string {
	if group == "" {
		return resource
	}
	name, sub, found := strings.Cut(resource, "/")
	if found {
		return name + "." + group + "/" + sub
	}
	return name + "." + group
}

// Grant says which part of the table is meant, and where.
type Grant struct {
	Features []Feature
	// Namespaces are those that are watched; All has every namespace of the cluster watched instead.
	Namespaces []string
	All        bool
	// Own is the daemon's namespace or that of its Lease, Lease its name; empty if it is not known, and then any Lease is meant.
	Own, Lease string
	// ArgoCD is the namespace of Argo CD's Applications.
	ArgoCD string
	// ReadOnly leaves out what changes workloads, Services and the objects of other tools.
	ReadOnly bool
}

// Need is one verb on one resource in one namespace.
type Need struct {
	Rule Rule
	Verb string
	// Namespace is empty for every one of the cluster, Name for every object.
	Namespace, Name string
}

// String says what is needed, as in: list replicasets.apps in namespace shop.
func (n Need) String() string { return n.Verb + " " + n.Rule.Object() + " " + inNamespace(n.Namespace) }

// Mend is the rule of a Role that grants the need, on one line of YAML.
func (n Need) Mend() string {
	kind := "Role in namespace " + n.Namespace
	if n.Namespace == "" {
		kind = "ClusterRole"
	}
	return fmt.Sprintf("add to its %s: {apiGroups: [%q], resources: [%q], verbs: [%q]}", kind, n.Rule.Group, n.Rule.Resource, n.Verb)
}

func inNamespace(namespace string) string {
	if namespace == "" {
		return "in all namespaces"
	}
	return "in namespace " + namespace
}

// Rules are those of the table that the grant's features take, in the order of the table.
func (g Grant) Rules() []Rule {
	return slices.DeleteFunc(Table(), func(r Rule) bool {
		return !slices.Contains(g.Features, r.Feature) || g.ReadOnly && slices.Contains(r.Verbs, patch)
	})
}

// Needs lists all that a daemon with this grant must be allowed, the most important first.
func (g Grant) Needs() []Need {
	var out []Need
	for _, r := range g.Rules() {
		for _, namespace := range g.places(r.Scope) {
			for _, verb := range r.Verbs {
				n := Need{Rule: r, Verb: verb, Namespace: namespace}
				if r.Named {
					n.Name = g.Lease
				}
				out = append(out, n)
			}
		}
	}
	return out
}

// places are the namespaces of a scope; "" is all of them.
func (g Grant) places(s Scope) []string {
	switch {
	case s == Own && g.Own != "":
		return []string{g.Own}
	case s == ArgoCDs && g.ArgoCD != "":
		return []string{g.ArgoCD}
	case s == Watched && g.All:
		return []string{""}
	case s == Watched:
		return g.Namespaces
	}
	return nil
}

// With returns the grant with more features, each once and in the order of the table.
func (g Grant) With(more ...Feature) Grant {
	all := slices.Concat(g.Features, more)
	g.Features = nil
	for _, about := range Features() {
		if slices.Contains(all, about.Feature) {
			g.Features = append(g.Features, about.Feature)
		}
	}
	return g
}

// Without returns the grant without some of its features.
func (g Grant) Without(some ...Feature) Grant {
	g.Features = slices.DeleteFunc(slices.Clone(g.Features), func(f Feature) bool { return slices.Contains(some, f) })
	return g
}

// ParseFeature returns the feature of a name.
func ParseFeature(name string) (Feature, error) {
	var names []string
	for _, about := range Features() {
		if string(about.Feature) == name {
			return about.Feature, nil
		}
		names = append(names, string(about.Feature))
	}
	return "", fmt.Errorf("%q is not a feature that takes permissions; use one of %s", name, strings.Join(names, ", "))
}
