package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/chart/v2/lint"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/leader"
)

func TestLint(t *testing.T) {
	for name, values := range variants(t) {
		t.Run(name, func(t *testing.T) {
			result := lint.RunAll(filepath.Join(root, chartDir), values, releaseNamespace)
			for _, m := range result.Messages {
				if !strings.Contains(m.Err.Error(), "icon is recommended") {
					t.Error(m)
				}
			}
		})
	}
}

// What the chart renders is a configuration that the daemon accepts, in every variant.
func TestConfigurationIsOneThatTheDaemonAccepts(t *testing.T) {
	for name, values := range variants(t) {
		t.Run(name, func(t *testing.T) {
			objects := rendered(t, values)
			cfg := configured(t, objects)
			_, port, found := strings.Cut(cfg.HTTP.Listen, ":")
			require.True(t, found)
			require.Equal(t, port, containerPort(t, one(t, objects, "Deployment"), "http"))
			if cfg.NATS.URL == "" {
				_, port, _ := strings.Cut(cfg.NATS.Embedded.Listen, ":")
				require.Equal(t, port, containerPort(t, one(t, objects, "Deployment"), "nats"))
			}
			requireFilesAreMounted(t, cfg, one(t, objects, "Deployment"))
		})
	}
}

// requireFilesAreMounted checks that files which the configuration names are below a mount.
func requireFilesAreMounted(t *testing.T, cfg *config.Config, deployment Object) {
	t.Helper()
	var files []string
	for _, u := range cfg.NATS.Embedded.Users {
		files = append(files, u.PasswordFile)
	}
	if cfg.NATS.CredentialsFile != "" {
		files = append(files, cfg.NATS.CredentialsFile)
	}
	for _, file := range files {
		require.Contains(t, mounts(t, deployment), filepath.Dir(file))
	}
}

func container(t *testing.T, deployment Object) Object {
	t.Helper()
	containers, ok := deployment.table("spec", "template", "spec")["containers"].([]any)
	require.True(t, ok)
	require.Len(t, containers, 1)
	return Object(containers[0].(map[string]any))
}

func containerPort(t *testing.T, deployment Object, name string) string {
	t.Helper()
	for _, p := range container(t, deployment)["ports"].([]any) {
		if port := p.(map[string]any); port["name"] == name {
			return strconv.Itoa(int(number(t, port["containerPort"])))
		}
	}
	t.Fatalf("the container has no port %s", name)
	return ""
}

// number is a number of YAML, which may be a float or an integer.
func number(t *testing.T, value any) float64 {
	t.Helper()
	switch n := value.(type) {
	case float64:
		return n
	case int64:
		return float64(n)
	}
	t.Fatalf("%v is not a number", value)
	return 0
}

func mounts(t *testing.T, deployment Object) (paths []string) {
	t.Helper()
	for _, m := range container(t, deployment)["volumeMounts"].([]any) {
		paths = append(paths, m.(map[string]any)["mountPath"].(string))
	}
	return paths
}

func TestOneReplicaIsRecreatedAndSeveralRoll(t *testing.T) {
	all := variants(t)
	require.Equal(t, "Recreate", text(one(t, rendered(t, all["quickstart"]), "Deployment"), "spec", "strategy", "type"))
	production := rendered(t, all["production"])
	require.Equal(t, "RollingUpdate", text(one(t, production, "Deployment"), "spec", "strategy", "type"))
	one(t, production, "PodDisruptionBudget")
}

// A leader must be able to end its term, and to give the lease back, before it is killed.
func TestGraceOutlastsAGracefulStop(t *testing.T) {
	const closing = 10 * time.Second // open requests, and the embedded NATS
	for name, values := range variants(t) {
		grace := number(t, one(t, rendered(t, values), "Deployment").table("spec", "template", "spec")["terminationGracePeriodSeconds"])
		require.GreaterOrEqual(t, time.Duration(grace)*time.Second, leader.DefaultStopWithin+closing, name)
	}
}

func TestMemoryLimitOfGoFollowsThatOfTheContainer(t *testing.T) {
	for limit, want := range map[string]string{"512Mi": "460MiB", "1Gi": "921MiB", "2Gi": "1843MiB", "1G": ""} {
		objects := rendered(t, map[string]any{"resources": map[string]any{"limits": map[string]any{"memory": limit}}})
		have := ""
		env, _ := container(t, one(t, objects, "Deployment"))["env"].([]any)
		for _, e := range env {
			have = e.(map[string]any)["value"].(string)
		}
		require.Equal(t, want, have, limit)
	}
}

func TestWhatCannotWorkIsRefused(t *testing.T) {
	nats := map[string]any{"nats": map[string]any{"url": "nats://nats:4222", "embedded": nil}}
	both := with(nats, map[string]any{"leaderElection": map[string]any{"enabled": true}})
	tests := map[string]struct {
		values map[string]any
		why    string
	}{
		"two with an embedded NATS": {map[string]any{"replicaCount": 2}, "set config.nats.url, or replicaCount to 1"},
		"two without a leader":      {map[string]any{"replicaCount": 2, "config": nats}, "set config.leaderElection.enabled"},
		"two with one volume":       {map[string]any{"replicaCount": 2, "config": both}, "persistence.enabled to false"},
		"loopback":                  {map[string]any{"config": map[string]any{"http": map[string]any{"listen": "127.0.0.1:9654"}}}, "use 0.0.0.0"},
		"NATS on loopback":          {map[string]any{"config": map[string]any{"nats": map[string]any{"embedded": map[string]any{"listen": "127.0.0.1:4222"}}}}, "use 0.0.0.0"},
		"unknown value":             {map[string]any{"replicas": 2}, "replicas"},
		"unknown key":               {map[string]any{"config": map[string]any{"instanze": "x"}}, "instanze"},
		"wrong kind":                {map[string]any{"config": map[string]any{"environments": "production"}}, "environments"},
		"unknown feature":           {map[string]any{"rbac": map[string]any{"features": map[string]any{"exec": true}}}, "exec"},
		"tag as digest":             {map[string]any{"image": map[string]any{"digest": "v1"}}, "digest"},
		"namespace":                 {map[string]any{"watch": map[string]any{"namespaces": []any{"shop-*"}}}, "namespaces"},
		"short grace":               {map[string]any{"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"},
	}
	c, err := loadChart(root)
	require.NoError(t, err)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := render(c, test.values)
			require.ErrorContains(t, err, test.why)
		})
	}
}
