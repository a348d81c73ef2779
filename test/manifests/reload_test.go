package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/rollbackd/rollbackd/internal/config"
)

// checksum is what has the pods replaced when it changes; empty if nothing has.
func checksum(t *testing.T, restart string, config map[string]any, more ...map[string]any) string {
	t.Helper()
	values := map[string]any{"config": config}
	if restart != "" {
		values["restartOnChange"] = restart
	}
	for _, m := range more {
		values = with(values, m)
	}
	return text(one(t, rendered(t, values), "Deployment"), "spec", "template", "metadata", "annotations", "checksum/config")
}

// changes are one change of the configuration for each of its top-level keys that the daemon takes up with a restart, and for some that it takes up while it runs.
func changes() (fixed, taken map[string]map[string]any) {
	one := func(key string, value any) map[string]any { return map[string]any{key: value} }
	fixed = map[string]map[string]any{
		"instance": one("instance", "other"), "environments": one("environments", []any{"staging"}), "sources": one("sources", []any{map[string]any{"name": "argo", "subject": "argo.>", "format": "cdevents", "environment": "production", "namespaces": []any{"shop"}}}),
		"nats": one("nats", map[string]any{"embedded": map[string]any{"dataDir": "elsewhere"}}), "kubernetes": one("kubernetes", map[string]any{"checkSecrets": true}),
		"http": one("http", map[string]any{"admin": true}), "files": one("files", map[string]any{"root": "out"}), "diagnosis": one("diagnosis", map[string]any{"logs": false}),
		"leaderElection": one("leaderElection", map[string]any{"name": "x"}), "reload": one("reload", map[string]any{"every": "1m"}),
		"log.format": one("log", map[string]any{"format": "json"}),
	}
	taken = map[string]map[string]any{
		"prometheus": one("prometheus", map[string]any{"url": "http://other:9090"}), "log.level": one("log", map[string]any{"level": "debug"}),
		"budgets": one("budgets", map[string]any{"cluster": map[string]any{"rollbacks": float64(3)}}),
	}
	return fixed, taken
}

// A change that the daemon takes up by itself leaves the pods alone, and one that waits for a restart gets it; unless somebody wants it otherwise.
func TestPodsAreReplacedForWhatNeedsARestart(t *testing.T) {
	fixed, taken := changes()
	for _, key := range config.RestartKeys() {
		require.Contains(t, fixed, key, "add a change of it to this test")
	}
	before := checksum(t, "", map[string]any{})
	require.NotEmpty(t, before)
	require.Equal(t, before, checksum(t, "needed", map[string]any{}))
	require.Empty(t, checksum(t, "never", map[string]any{}))
	for key, change := range fixed {
		require.NotEqual(t, before, checksum(t, "", change), key)
	}
	for key, change := range taken {
		require.Equal(t, before, checksum(t, "", change), key)
		require.NotEqual(t, checksum(t, "always", map[string]any{}), checksum(t, "always", change), key)
	}
	user := map[string]any{"name": "ci", "passwordFile": "/etc/rollbackd/secrets/ci/password"}
	within := map[string][2]any{
		"kubernetes.namespaces": {[]any{"shop"}, []any{"bank"}}, "kubernetes.features": {[]any{"canary"}, []any{"keda"}}, "kubernetes.readOnly": {true, false},
		"nats.embedded.users": {[]any{}, []any{user}},
	}
	people := map[string]any{"contacts": map[string]any{"people": map[string]any{"ana": map[string]any{"name": "Ana", "email": "ana@example.com"}}}}
	require.Equal(t, before, checksum(t, "", map[string]any{}, people))
	require.Equal(t, before, checksum(t, "", map[string]any{}, map[string]any{"watch": map[string]any{"namespaces": []any{"shop"}}}), "the daemon is told of it as kubernetes.namespaces")
	for _, key := range config.TakenUpKeys() {
		require.Contains(t, within, key, "add two values of it to this test")
		one := func(value any) map[string]any {
			for _, part := range slices.Backward(strings.Split(key, ".")) {
				value = map[string]any{part: value}
			}
			return value.(map[string]any)
		}
		require.Equal(t, checksum(t, "", one(within[key][0])), checksum(t, "", one(within[key][1])), key)
	}
}

// A kubelet has neither a certificate nor a password, so it asks at a port of its own once webConfig may ask for either.
func TestProbesGoOnWithTLSAndPasswords(t *testing.T) {
	web := map[string]any{"webConfig": "/etc/rollbackd/secrets/web/web.yml"}
	for name, c := range map[string]struct {
		http         map[string]any
		port, listen string
	}{
		"nothing asked":       {map[string]any{}, "http", ""},
		"a token":             {map[string]any{"tokenFile": "/etc/rollbackd/secrets/web/token"}, "http", ""},
		"a web configuration": {web, "probes", "0.0.0.0:9655"},
		"its own port":        {with(web, map[string]any{"probes": "0.0.0.0:8081"}), "probes", "0.0.0.0:8081"},
		"without either":      {map[string]any{"probes": "0.0.0.0:8081"}, "probes", "0.0.0.0:8081"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := rendered(t, map[string]any{"config": map[string]any{"http": c.http}})
			deployment := one(t, objects, "Deployment")
			for _, probe := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
				get := container(t, deployment).table(probe, "httpGet")
				require.Equal(t, c.port, get["port"], probe)
				require.NotContains(t, get, "scheme")
			}
			require.Equal(t, c.listen, said(t, objects).HTTP.Probes)
			if c.listen != "" {
				require.Equal(t, c.listen, "0.0.0.0:"+containerPort(t, deployment, "probes"))
			}
		})
	}
	c, err := loadChart(root)
	require.NoError(t, err)
	_, err = render(c, map[string]any{"config": map[string]any{"http": map[string]any{"probes": "127.0.0.1:9655"}}})
	require.ErrorContains(t, err, "config.http.probes is 127.0.0.1:9655, which nothing outside the pod reaches")
}

// said is what the rendered configuration says, of files that are not there.
func said(t *testing.T, objects []Object) *config.Config {
	t.Helper()
	for _, o := range objects {
		if content := text(o, "data", "rollbackd.yaml"); o.Kind() == "ConfigMap" && content != "" {
			cfg, err := config.Parse([]byte(content))
			require.NoError(t, err)
			return cfg
		}
	}
	t.Fatal("there is no configuration")
	return nil
}

func TestServiceMonitorShowsWhoItIs(t *testing.T) {
	endpoint := map[string]any{"scheme": "https", "tlsConfig": map[string]any{"serverName": "rollbackd"}}
	monitor := one(t, rendered(t, map[string]any{"serviceMonitor": map[string]any{"enabled": true, "endpoint": endpoint}}), "ServiceMonitor")
	content, err := yaml.Marshal(monitor.table("spec")["endpoints"])
	require.NoError(t, err)
	require.YAMLEq(t, "[{port: http, path: /metrics, scheme: https, tlsConfig: {serverName: rollbackd}}]", string(content))
}

// The overlays leave pods alone too: their ConfigMaps keep their names.
func TestOverlaysLetTheDaemonReload(t *testing.T) {
	for _, name := range []string{"quickstart", "production"} {
		found := false
		for _, o := range kustomized(t, filepath.Join("overlays", name)) {
			found = found || o.Kind() == "ConfigMap" && o.Name() == releaseName
		}
		require.True(t, found, name)
	}
}
