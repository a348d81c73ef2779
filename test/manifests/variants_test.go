package main

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/config"
)

// variants are the values that everything is checked with: those that are shipped, and one that uses all the rest.
func variants(t *testing.T) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{"default": {}, "everything": everything(), "bare": bare()}
	monitoring, err := monitoringFiles(root)
	require.NoError(t, err)
	if len(monitoring) > 0 {
		all["everything"]["prometheusRule"] = map[string]any{"enabled": true, "labels": map[string]any{"release": "prometheus"}}
		all["everything"]["dashboard"] = map[string]any{"enabled": true, "annotations": map[string]any{"grafana_folder": "rollbackd"}}
	}
	for _, name := range []string{"quickstart", "production"} {
		values, err := readValues(root, "values-"+name+".yaml")
		require.NoError(t, err)
		all[name] = values
	}
	return all
}

func everything() map[string]any {
	features := map[string]any{}
	for _, name := range []string{"statefulSets", "daemonSets", "jobs", "secrets", "argoCD", "argoCDHold", "fluxHelm", "fluxHelmHold", "keda", "kubernetesEvents"} {
		features[name] = true
	}
	return map[string]any{
		"fullnameOverride": "guard",
		"image":            map[string]any{"digest": "sha256:" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
		"imagePullSecrets": []any{map[string]any{"name": "registry"}},
		"replicaCount":     float64(3),
		"watch":            map[string]any{"namespaces": []any{"shop", "payments"}},
		"rbac":             map[string]any{"features": features},
		"serviceAccount":   map[string]any{"annotations": map[string]any{"a": "b"}},
		"config": map[string]any{
			"http":           map[string]any{"listen": "0.0.0.0:8080"},
			"nats":           map[string]any{"url": "tls://nats.example.com", "embedded": nil},
			"leaderElection": map[string]any{"enabled": true, "name": "guards"},
			"prometheus":     map[string]any{"url": "https://prometheus.example.com/x"},
		},
		"contacts":       map[string]any{"people": map[string]any{"ana": map[string]any{"name": "Ana", "email": "ana@example.com"}}},
		"secretMounts":   []any{map[string]any{"name": "chat", "existingSecret": "chat", "optional": true}},
		"persistence":    map[string]any{"accessModes": []any{"ReadWriteMany"}, "storageClass": "shared", "annotations": map[string]any{"a": "b"}},
		"service":        map[string]any{"annotations": map[string]any{"a": "b"}},
		"serviceMonitor": map[string]any{"enabled": true, "interval": "15s"},
		"networkPolicy": map[string]any{
			"enabled": true, "apiServerCIDRs": []any{"10.0.0.1/32"},
			"extraIngress": []any{map[string]any{"ports": []any{map[string]any{"port": float64(1234)}}}},
		},
		"podLabels":                 map[string]any{"team": "platform"},
		"podAnnotations":            map[string]any{"a": "b"},
		"nodeSelector":              map[string]any{"kubernetes.io/os": "linux"},
		"tolerations":               []any{map[string]any{"key": "a", "operator": "Exists"}},
		"affinity":                  map[string]any{"podAntiAffinity": map[string]any{}},
		"topologySpreadConstraints": []any{map[string]any{"maxSkew": float64(1), "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": map[string]any{"matchLabels": map[string]any{"a": "b"}}}},
		"resources":                 map[string]any{"limits": map[string]any{"memory": "1Gi"}},
		"extraArgs":                 []any{"--help"},
		"extraEnv":                  []any{map[string]any{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}},
		"extraVolumes":              []any{map[string]any{"name": "ca", "configMap": map[string]any{"name": "ca"}}},
		"extraVolumeMounts":         []any{map[string]any{"name": "ca", "mountPath": "/etc/ca"}},
		"extraObjects": []any{
			map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "{{ .Release.Name }}-extra", "namespace": "rollbackd"}},
		},
	}
}

// bare is as little as can be: no accounts, no permissions, no volume.
func bare() map[string]any {
	return map[string]any{
		"nameOverride":   "guard",
		"serviceAccount": map[string]any{"create": false},
		"rbac":           map[string]any{"create": false},
		"persistence":    map[string]any{"enabled": false},
		"resources":      map[string]any{"limits": nil},
		"networkPolicy":  map[string]any{"enabled": true, "natsFrom": []any{"ci"}},
	}
}

// clusterWide are the values of the default with permissions everywhere.
func clusterWide() map[string]any {
	return map[string]any{"fullnameOverride": "everywhere", "rbac": map[string]any{"clusterWide": true}}
}

// rendered are the objects of values.
func rendered(t *testing.T, values map[string]any) []Object {
	t.Helper()
	c, err := loadChart(root)
	require.NoError(t, err)
	objects, err := render(c, values)
	require.NoError(t, err)
	require.NotEmpty(t, objects)
	return objects
}

// one is the only object of a kind that is no hook.
func one(t *testing.T, objects []Object, kind string) Object {
	t.Helper()
	var found []Object
	for _, o := range objects {
		if o.Kind() == kind && !o.Hook() {
			found = append(found, o)
		}
	}
	require.Len(t, found, 1, kind)
	return found[0]
}

// configured reads the configuration of a rendering as the daemon does, from files where the container has them.
func configured(t *testing.T, objects []Object) *config.Config {
	t.Helper()
	dir := t.TempDir()
	for _, o := range objects {
		if o.Kind() != "ConfigMap" || text(o, "data", "rollbackd.yaml") == "" {
			continue
		}
		for name := range o.table("data") {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text(o, "data", name)), 0o600))
		}
	}
	cfg, err := config.Load(filepath.Join(dir, "rollbackd.yaml"))
	require.NoError(t, err)
	return cfg
}

func with(values, more map[string]any) map[string]any {
	values = maps.Clone(values)
	maps.Copy(values, more)
	return values
}
