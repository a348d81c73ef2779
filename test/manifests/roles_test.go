package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/access"
)

// The Roles of the chart hold what the daemon's table of permissions says, whatever features are switched on.
func TestRolesAreThoseOfTheTable(t *testing.T) {
	var all []access.Feature
	for _, about := range access.Features() {
		all = append(all, about.Feature)
	}
	cases := map[string][]access.Feature{"none": {}, "all": all}
	for _, f := range all {
		cases["only "+string(f)] = []access.Feature{f}
	}
	for name, features := range cases {
		for _, everywhere := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, everywhere %t", name, everywhere), func(t *testing.T) {
				grant := access.Grant{Own: releaseNamespace, Lease: "rollbackd-main", ArgoCD: "argocd", All: everywhere}
				if !everywhere {
					grant.Namespaces = []string{"shop", "payments"}
				}
				grant = grant.With(access.Base).With(features...)
				require.Equal(t, granted(grant), permitted(t, rendered(t, switches(features, everywhere))))
			})
		}
	}
}

// switches are the values that turn on these features and no others.
func switches(features []access.Feature, everywhere bool) map[string]any {
	on := map[string]any{}
	for _, about := range access.Features() {
		if about.Feature != access.Base && about.Feature != access.LeaderElection {
			on[string(about.Feature)] = slices.Contains(features, about.Feature)
		}
	}
	values := map[string]any{
		"rbac":  map[string]any{"features": on, "clusterWide": everywhere},
		"watch": map[string]any{"namespaces": []any{"shop", "payments"}},
	}
	if slices.Contains(features, access.LeaderElection) {
		values["config"] = map[string]any{"nats": map[string]any{"url": "nats://nats:4222", "embedded": nil}, "leaderElection": map[string]any{"enabled": true}}
	}
	return values
}

// A daemon that only reads is told so, and has a Role that changes no workload.
func TestReadOnlyRolesChangeNothing(t *testing.T) {
	for _, everywhere := range []bool{false, true} {
		var all []access.Feature
		for _, about := range access.Features() {
			all = append(all, about.Feature)
		}
		values := switches(all, everywhere)
		values["rbac"].(map[string]any)["readOnly"] = true
		objects := rendered(t, values)
		grant := access.Grant{Own: releaseNamespace, Lease: "rollbackd-main", ArgoCD: "argocd", All: everywhere, ReadOnly: true}
		if !everywhere {
			grant.Namespaces = []string{"shop", "payments"}
		}
		may := permitted(t, objects)
		require.Equal(t, granted(grant.With(all...)), may)
		for line := range may {
			require.NotContains(t, line, "patch")
		}
		require.True(t, configured(t, objects).Kubernetes.ReadOnly)
	}
}

// The configuration may say that it only reads, too: then nothing more is granted than the daemon asks for.
func TestReadOnlyOfTheConfigurationChangesNothing(t *testing.T) {
	for line := range permitted(t, rendered(t, map[string]any{
		"watch": map[string]any{"namespaces": []any{"shop"}}, "config": map[string]any{"kubernetes": map[string]any{"readOnly": true}},
	})) {
		require.NotContains(t, line, "patch")
	}
}

// The permissions of the values that are shipped are those that the daemon asks for with the configuration in them, no more and no less.
func TestShippedValuesGrantWhatTheirConfigurationUses(t *testing.T) {
	for _, name := range []string{"quickstart", "production"} {
		t.Run(name, func(t *testing.T) {
			objects := rendered(t, variants(t)[name])
			grant := configured(t, objects).Access()
			grant.Own = releaseNamespace
			require.Equal(t, granted(grant), permitted(t, objects))
		})
	}
}

// granted are all verbs of a grant, as one line each.
func granted(g access.Grant) map[string]bool {
	out := map[string]bool{}
	for _, role := range g.Roles() {
		for _, r := range role.Rules {
			for _, verb := range r.Verbs {
				out[fmt.Sprint(role.Namespace, " ", r.APIGroups, r.Resources, append([]string{}, r.ResourceNames...), verb)] = true
			}
		}
	}
	return out
}

// permitted are all verbs of rendered Roles, each of which must be bound to the daemon's account.
func permitted(t *testing.T, objects []Object) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, o := range objects {
		if o.Kind() != "Role" && o.Kind() != "ClusterRole" {
			continue
		}
		requireBound(t, objects, o)
		for _, r := range o["rules"].([]any) {
			rule := r.(map[string]any)
			names, _ := rule["resourceNames"].([]any)
			for _, verb := range rule["verbs"].([]any) {
				line := fmt.Sprint(o.Namespace(), " ", rule["apiGroups"], rule["resources"], append([]any{}, names...), verb)
				require.False(t, out[line], "%s is granted twice", line)
				out[line] = true
			}
		}
	}
	return out
}

func requireBound(t *testing.T, objects []Object, role Object) {
	t.Helper()
	i := slices.IndexFunc(objects, func(o Object) bool {
		return o.Kind() == role.Kind()+"Binding" && o.Namespace() == role.Namespace() && text(o, "roleRef", "name") == role.Name() && text(o, "roleRef", "kind") == role.Kind()
	})
	require.GreaterOrEqual(t, i, 0, "nothing binds %s", role.Key())
	subject := objects[i]["subjects"].([]any)[0].(map[string]any)
	require.Equal(t, map[string]any{"kind": "ServiceAccount", "name": "rollbackd", "namespace": releaseNamespace}, subject)
}
