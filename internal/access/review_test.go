package access

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
)

// answers is an API server that lists some rules and allows some needs besides.
type answers struct {
	rules     map[string][]authorizationv1.ResourceRule
	listFails error
	allowed   map[string]bool
	mayFails  error
	asked     []string
}

func (a *answers) Rules(_ context.Context, namespace string) ([]authorizationv1.ResourceRule, error) {
	return a.rules[namespace], a.listFails
}

func (a *answers) May(_ context.Context, n Need) (bool, error) {
	a.asked = append(a.asked, n.String())
	return a.allowed[n.String()], a.mayFails
}

func rule(group, resource, verb string, names ...string) authorizationv1.ResourceRule {
	return authorizationv1.ResourceRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: []string{verb}, ResourceNames: names}
}

// TestMissing: what a list has is allowed; what it has not is asked for.
func TestMissing(t *testing.T) {
	logs := Grant{Namespaces: []string{"shop"}, Own: "ops", Lease: "rollbackd-x"}
	one := func(f Feature) []Need { return logs.With(f).Needs() }
	for name, tc := range map[string]struct {
		needs   []Need
		rules   []authorizationv1.ResourceRule
		allowed string
		missing int
		asked   int
	}{
		"listed":                          {one(ConfigMaps), []authorizationv1.ResourceRule{rule("", "configmaps", "get")}, "", 0, 0},
		"another verb is listed":          {one(ConfigMaps), []authorizationv1.ResourceRule{rule("", "configmaps", "list")}, "", 1, 1},
		"another group is listed":         {one(Jobs)[:1], []authorizationv1.ResourceRule{rule("", "jobs", "create")}, "", 1, 1},
		"all is":                          {one(Jobs), []authorizationv1.ResourceRule{rule("*", "*", "*")}, "", 0, 0},
		"a subresource by itself":         {one(PodLogs), []authorizationv1.ResourceRule{rule("", "pods/log", "get")}, "", 0, 0},
		"pods are not their logs":         {one(PodLogs), []authorizationv1.ResourceRule{rule("", "pods", "get")}, "", 1, 1},
		"logs of whatever has some":       {one(PodLogs), []authorizationv1.ResourceRule{rule("", "*/log", "get")}, "", 0, 0},
		"only one object of a name":       {one(ConfigMaps), []authorizationv1.ResourceRule{rule("", "configmaps", "get", "settings")}, "", 1, 1},
		"the list lacks it, and it is so": {one(ConfigMaps), nil, "get configmaps in namespace shop", 0, 1},
		"the own Lease by its name": {one(LeaderElection)[1:2], []authorizationv1.ResourceRule{
			rule("coordination.k8s.io", "leases", "get", "rollbackd-x")}, "", 0, 0},
		"another Lease": {one(LeaderElection)[1:2], []authorizationv1.ResourceRule{rule("coordination.k8s.io", "leases", "get", "other")}, "", 1, 1},
	} {
		a := &answers{rules: map[string][]authorizationv1.ResourceRule{"shop": tc.rules, "ops": tc.rules}, allowed: map[string]bool{tc.allowed: true}}
		missing, err := Missing(t.Context(), a, tc.needs)
		require.NoError(t, err, name)
		require.Len(t, missing, tc.missing, name)
		require.Len(t, a.asked, tc.asked, name)
	}
}

// TestAListOfOneNamespaceTellsNothingOfAll, so that each is asked for.
func TestAListOfOneNamespaceTellsNothingOfAll(t *testing.T) {
	a := &answers{rules: map[string][]authorizationv1.ResourceRule{"": {rule("*", "*", "*")}}}
	missing, err := Missing(t.Context(), a, Grant{All: true}.With(ConfigMaps).Needs())
	require.NoError(t, err)
	require.Len(t, missing, 1)
}

// TestWhatIsNotKnownIsNotMissing: an API server that does not answer says nothing.
func TestWhatIsNotKnownIsNotMissing(t *testing.T) {
	down := errors.New("no answer")
	needs := Grant{Namespaces: []string{"shop"}}.With(ConfigMaps).Needs()
	_, err := Missing(t.Context(), &answers{listFails: down, mayFails: down}, needs)
	require.ErrorIs(t, err, down)
	require.ErrorContains(t, err, "get configmaps in namespace shop")
	missing, err := Missing(t.Context(), &answers{listFails: down, allowed: map[string]bool{needs[0].String(): true}}, needs)
	require.NoError(t, err, "who cannot list is asked for each")
	require.Empty(t, missing)
}

func TestBlind(t *testing.T) {
	g := Grant{Namespaces: []string{"shop", "pay"}}.With(Base, ConfigMaps)
	lacking := func(verb, resource string, namespaces ...string) (out []Need) {
		for _, n := range g.Needs() {
			for _, namespace := range namespaces {
				if n.Verb == verb && n.Rule.Resource == resource && n.Namespace == namespace {
					out = append(out, n)
				}
			}
		}
		require.Len(t, out, len(namespaces))
		return out
	}
	require.False(t, g.Blind(nil))
	require.False(t, g.Blind(lacking(get, "deployments", "shop")), "the other namespace is watched")
	require.True(t, g.Blind(append(lacking(get, "deployments", "shop"), lacking(list, "pods", "pay")...)))
	require.False(t, g.Blind(lacking(patch, "deployments", "shop", "pay")), "it is watched, and not rolled back")
	require.False(t, g.Blind(lacking(watch, "pods", "shop", "pay")), "it is read live")
	require.False(t, g.Blind(lacking(get, "configmaps", "shop", "pay")), "no part of the base")
	require.False(t, Grant{}.Blind(nil))
}
