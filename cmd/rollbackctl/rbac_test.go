package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRBAC: what is printed is applied as it is, so the whole of it is looked at.
func TestRBAC(t *testing.T) {
	config := filepath.Join(t.TempDir(), "rollbackd.yaml")
	require.NoError(t, os.WriteFile(config, []byte(`instance: production
environments: [production]
prometheus: {url: "http://prometheus:9090"}
nats: {url: "nats://nats:4222"}
kubernetes: {features: [canary, argoCD]}
leaderElection: {enabled: true}
diagnosis: {logs: false}
policies:
- name: http
  gitops: hold
  match: [{namespace: shop}, {namespace: pay}]
  signals: [{name: errors, requests: a, errors: b}]
`), 0o600))
	for name, args := range map[string][]string{
		"usual":  {"--namespace", "shop"},
		"less":   {"--namespace", "shop", "--without", "blueGreen", "--without", "canary", "--without", "autoscalers", "--without", "configMaps", "--without", "podEvents", "--without", "podLogs"},
		"more":   {"--namespace", "shop", "--feature", "statefulSets", "--feature", "secrets", "--account", "rb", "--account-namespace", "ops"},
		"config": {"--config", config},
		"read":   {"--namespace", "shop", "--feature", "statefulSets", "--feature", "argoCDHold", "--read-only"},
		"all":    {"--config", config, "--all-namespaces", "--without", "canary"},
	} {
		code, out, problems := (&stack{}).run(t, append([]string{"rbac"}, args...)...)
		require.Equal(t, exitDone, code, problems)
		golden(t, filepath.Join("testdata", "rbac", name+".yaml"), out)
		require.Equal(t, name != "read", strings.Contains(out, "- patch"))
	}
}

func TestRBACRefusesToGuess(t *testing.T) {
	config := filepath.Join(t.TempDir(), "rollbackd.yaml")
	require.NoError(t, os.WriteFile(config, []byte(`{instance: x, environments: [production], prometheus: {url: "http://p:9090"}, policies: [{name: all, signals: [{name: e, requests: a, errors: b}]}]}`), 0o600))
	for says, args := range map[string][]string{
		"give --namespace for each namespace that is watched":         nil,
		"names no namespace; set kubernetes.namespaces":               {"--config", config},
		`--feature: "exec" is not a feature that takes permissions`:   {"--namespace", "shop", "--feature", "exec"},
		`--without: "all" is not a feature`:                           {"--namespace", "shop", "--without", "all"},
		`"kube_system" is not a name of Kubernetes`:                   {"--namespace", "kube_system"},
		"--all-namespaces and --namespace exclude each other":         {"--namespace", "shop", "--all-namespaces"},
		"\"x\\n---\\nkind: ClusterRole\" is not a name of Kubernetes": {"--namespace", "shop", "--account", "x\n---\nkind: ClusterRole"},
	} {
		code, out, problems := (&stack{}).run(t, append([]string{"rbac"}, args...)...)
		require.Equal(t, exitUsage, code, says)
		require.Contains(t, problems, says)
		require.Empty(t, out)
	}
}
