package access

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("update", false, "write the golden files and docs/permissions.md anew")

// Whoever changes the table changes the documentation with it: make docs.
func TestTheDocumentationIsNotStale(t *testing.T) {
	page, err := os.ReadFile("permissions.md.tmpl")
	require.NoError(t, err)
	require.Contains(t, string(page), "{{table}}\n")
	text := strings.Replace(string(page), "{{table}}\n", Markdown()+"\n", 1)
	path := filepath.Join("..", "..", "docs", "permissions.md")
	if *rewrite {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(have), "docs/permissions.md is stale; run make docs and look at the diff")
}

// TestTheTableIsLeast: no permission that nobody would expect of rollbackd.
func TestTheTableIsLeast(t *testing.T) {
	for _, r := range Table() {
		require.NotEmpty(t, r.Why, r.Object())
		require.NotEmpty(t, r.Without, r.Object())
		require.NotContains(t, r.Group+r.Resource, "*")
		require.NotContains(t, []string{"pods/exec", "pods/attach", "pods/portforward"}, r.Resource)
		require.Contains(t, []Scope{Watched, Own, ArgoCDs}, r.Scope)
		for _, verb := range r.Verbs {
			require.Contains(t, []string{get, list, watch, patch, create, update}, verb, "%s: rollbackd deletes nothing, and has no wildcard", r.Object())
		}
		writes := slices.ContainsFunc(r.Verbs, func(v string) bool { return v == patch || v == create || v == update })
		if writes {
			require.Contains(t, []string{"deployments", "statefulsets", "daemonsets", "services", "jobs", "events", "leases", "applications", "helmreleases"}, r.Resource)
		}
		if r.Resource == "secrets" {
			require.Equal(t, Secrets, r.Feature)
			require.Equal(t, []string{get}, r.Verbs, "no list: it would hand out their contents")
		}
	}
}

func TestEveryFeatureHasRulesAndEveryRuleAFeature(t *testing.T) {
	var described []Feature
	for _, about := range Features() {
		require.NotEmpty(t, Grant{Features: []Feature{about.Feature}}.Rules(), about.Feature)
		described = append(described, about.Feature)
	}
	for _, r := range Table() {
		require.Contains(t, described, r.Feature)
	}
	// The usual ones read no Secret, and nothing of other tools.
	for _, about := range Features() {
		if about.Usual {
			require.NotContains(t, []Feature{Secrets, Jobs, ArgoCD, FluxHelm, LeaderElection}, about.Feature)
		}
	}
}

func TestRolesHoldEachVerbOnceAndNoMore(t *testing.T) {
	g := Grant{Namespaces: []string{"shop", "pay"}, Own: "rollbackd", Lease: "rollbackd-x", ArgoCD: "shop"}.
		With(Base, BlueGreen, Canary, ArgoCD, ArgoCDHold, LeaderElection)
	roles := g.Roles()
	var places []string
	for _, r := range roles {
		places = append(places, r.Namespace)
	}
	require.Equal(t, []string{"shop", "pay", "rollbackd"}, places, "one Role a namespace, also where it is there for two reasons")
	require.Len(t, roles[0].Rules, len(roles[1].Rules)+1)

	lease := roles[2].Rules
	require.Len(t, lease, 2)
	require.Equal(t, []string{create}, lease[0].Verbs)
	require.Empty(t, lease[0].ResourceNames, "a create has no name that a rule could be about")
	require.Equal(t, []string{get, update}, lease[1].Verbs)
	require.Equal(t, []string{"rollbackd-x"}, lease[1].ResourceNames)

	granted := map[string]bool{}
	for _, role := range roles {
		for _, rule := range role.Rules {
			for _, verb := range rule.Verbs {
				key := strings.Join([]string{role.Namespace, rule.APIGroups[0], rule.Resources[0], verb}, " ")
				require.False(t, granted[key], key)
				granted[key] = true
			}
		}
	}
	needed := map[string]bool{}
	for _, n := range g.Needs() {
		needed[strings.Join([]string{n.Namespace, n.Rule.Group, n.Rule.Resource, n.Verb}, " ")] = true
	}
	require.Equal(t, needed, granted)
}

func TestManifests(t *testing.T) {
	text, err := Grant{Namespaces: []string{"shop"}}.With(Base).Manifests(Account{"rollbackd", "rollbackd"})
	require.NoError(t, err)
	golden(t, "shop.yaml", text)
	text, err = Grant{All: true}.With(BlueGreen).Manifests(Account{"rollbackd", "rollbackd"})
	require.NoError(t, err)
	golden(t, "all.yaml", text)
}

func golden(t *testing.T, name string, text []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, text, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(text))
}

func TestNeedsSayHowToMendThem(t *testing.T) {
	needs := Grant{Namespaces: []string{"shop"}, All: false}.With(Base).Needs()
	require.Equal(t, "get deployments.apps in namespace shop", needs[0].String())
	require.Equal(t, `add to its Role in namespace shop: {apiGroups: ["apps"], resources: ["deployments"], verbs: ["get"]}`, needs[0].Mend())
	logs := Grant{All: true}.With(PodLogs).Needs()
	require.Equal(t, "get pods/log in all namespaces", logs[0].String())
	require.Contains(t, logs[0].Mend(), `its ClusterRole: {apiGroups: [""], resources: ["pods/log"], verbs: ["get"]}`)
}
