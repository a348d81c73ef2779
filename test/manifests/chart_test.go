package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"

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
	for limit, want := range map[any]string{
		"512Mi": "460MiB", "1Gi": "921MiB", "2Gi": "1843MiB", "1.5Gi": "1382MiB", "1G": "858MiB", "600M": "514MiB", "524288Ki": "460MiB", "536870912": "460MiB", 536870912.0: "460MiB", "": "",
	} {
		objects := rendered(t, map[string]any{"resources": map[string]any{"limits": map[string]any{"memory": limit}}})
		have := ""
		env, _ := container(t, one(t, objects, "Deployment"))["env"].([]any)
		for _, e := range env {
			have = e.(map[string]any)["value"].(string)
		}
		require.Equal(t, want, have, limit)
	}
}

// A limit of one's own is not given twice, which the API server takes for a mistake.
func TestMemoryLimitOfGoMayBeAVariable(t *testing.T) {
	objects := rendered(t, map[string]any{"extraEnv": []any{map[string]any{"name": "GOMEMLIMIT", "value": "100MiB"}}})
	require.Equal(t, []any{map[string]any{"name": "GOMEMLIMIT", "value": "100MiB"}}, container(t, one(t, objects, "Deployment"))["env"])
}

// Names that YAML would take for something else, all of which Kubernetes allows, stay names.
func TestNamesStayNames(t *testing.T) {
	odd := []any{"123", "true", "on", "null", "1e3"}
	c, err := loadChart(root)
	require.NoError(t, err)
	objects, err := renderIn("404", c, map[string]any{"nameOverride": "0", "fullnameOverride": "null", "watch": map[string]any{"namespaces": odd}, "serviceAccount": map[string]any{"name": "1"}})
	require.NoError(t, err)
	namespaces := map[any]bool{}
	for _, o := range objects {
		for key, value := range o.table("metadata") {
			if key == "name" || key == "namespace" {
				require.IsType(t, "", value, "%s of %s", key, o.Kind())
			}
		}
		for key, value := range o.table("metadata", "labels") {
			require.IsType(t, "", value, "%s of %s", key, o.Kind())
		}
		namespaces[o.table("metadata")["namespace"]] = true
	}
	for _, name := range append(odd, "404") {
		require.True(t, namespaces[name], name)
	}
	spec := one(t, objects, "Deployment").table("spec", "template", "spec")
	require.Equal(t, "1", spec["serviceAccountName"])
}

// Each server of a NATS may be reached at its port.
func TestNetworkPolicyAllowsEveryServerOfNATS(t *testing.T) {
	objects := rendered(t, map[string]any{
		"networkPolicy": map[string]any{"enabled": true},
		"config":        map[string]any{"nats": map[string]any{"url": "nats://a:4222, nats://b:4333,tls://c", "embedded": nil}},
	})
	content, err := yaml.Marshal(one(t, objects, "NetworkPolicy"))
	require.NoError(t, err)
	require.Contains(t, string(content), "port: 4222\n      protocol: TCP\n    - port: 4333\n")
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
		"port of two":               {map[string]any{"config": map[string]any{"http": map[string]any{"listen": "0.0.0.0:9655", "webConfig": "web.yml"}}}, "port 9655 is asked for twice"},
		"label of the selector":     {map[string]any{"podLabels": map[string]any{"app.kubernetes.io/name": "mine"}}, "podLabels has app.kubernetes.io/name"},
		"mount of two": {map[string]any{"secretMounts": []any{
			map[string]any{"name": "a", "existingSecret": "b"}, map[string]any{"name": "a", "existingSecret": "c"}}}, "secretMounts has the name a twice"},
		"name": {map[string]any{"fullnameOverride": "My_Release"}, "fullnameOverride"},
		// Without a port it would allow every one of them.
		"no port of the API server": {map[string]any{"networkPolicy": map[string]any{"apiServerPorts": []any{}}}, "apiServerPorts"},
		"address without a mask":    {map[string]any{"networkPolicy": map[string]any{"apiServerCIDRs": []any{"10.0.0.1"}}}, "apiServerCIDRs"},
		"variable without a name":   {map[string]any{"extraEnv": []any{map[string]any{"nme": "A"}}}, "extraEnv"},
		"number as a variable":      {map[string]any{"extraEnv": []any{map[string]any{"name": "A", "value": 5}}}, "extraEnv"},
		"section taken away":        {map[string]any{"networkPolicy": nil}, "missing property 'networkPolicy'"},
		"features taken away":       {map[string]any{"rbac": map[string]any{"features": nil}}, "missing property 'features'"},
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

// On a cluster whose nodes are all tainted, what helm test starts runs where the daemon may run.
func TestTheTestPodRunsWhereTheDaemonDoes(t *testing.T) {
	where := func(spec map[string]any) []any {
		return []any{spec["nodeSelector"], spec["tolerations"], spec["imagePullSecrets"]}
	}
	for name, values := range variants(t) {
		objects := rendered(t, values)
		daemon := where(one(t, objects, "Deployment").table("spec", "template", "spec"))
		tested := 0
		for _, o := range objects {
			if o.Kind() == "Pod" && o.Hook() {
				require.Equal(t, daemon, where(o.table("spec")), name)
				tested++
			}
		}
		require.Equal(t, 1, tested, name)
	}
}

// Helm takes away what somebody sets to null. What the templates cannot do without is asked for by name, before they fail for want of it.
func TestWhatIsSetToNullIsMissedByName(t *testing.T) {
	c, err := loadChart(root)
	require.NoError(t, err)
	for name := range c.Values {
		options := common.ReleaseOptions{Name: releaseName, Namespace: releaseNamespace}
		values, err := util.ToRenderValues(c, map[string]any{name: nil}, options, nil)
		if err == nil {
			_, err = engine.Engine{}.RenderWithContext(t.Context(), c, values) // as Helm does, for which what is missing is empty
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, fmt.Sprintf("missing property '%s'", name))
	}
}
