package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/rollbackd/rollbackd/internal/access"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestEachMissingPermissionIsNamed: of every verb of the table, when the Role lacks it, the API server's answers tell just that.
func TestEachMissingPermissionIsNamed(t *testing.T) {
	w := onStack(t)
	namespace := namespaceOf(t)
	var all []access.Feature
	for _, about := range access.Features() {
		all = append(all, about.Feature)
	}
	grant := access.Grant{Namespaces: []string{namespace}, Own: namespace, Lease: "rollbackd-x", ArgoCD: namespace}.With(all...)
	ask, err := access.NewAsker(accountClient(t, w, namespace))
	require.NoError(t, err)
	await := func(want []string, what string) {
		t.Helper()
		eventually(t, time.Minute, func() (bool, string) {
			missing, err := access.Missing(t.Context(), ask, grant.Needs())
			return err == nil && slices.Equal(want, verbs(missing)), fmt.Sprintf("%s: missing are %v, %v; want %v", what, missing, err, want)
		})
	}
	bind(t, w, namespace, grant.Roles())
	await(nil, "the whole table")
	tried := map[string]bool{}
	for _, n := range grant.Needs() {
		if tried[n.String()] {
			continue // two features need it, and lack it together
		}
		tried[n.String()] = true
		bind(t, w, namespace, without(grant.Roles(), n.Namespace, n.Rule.Resource, n.Rule.Group, n.Verb))
		await([]string{n.String()}, n.String())
	}
	require.Greater(t, len(tried), 30)
}

// verbs are needs in words, each once.
func verbs(needs []access.Need) []string {
	var out []string
	for _, n := range needs {
		if !slices.Contains(out, n.String()) {
			out = append(out, n.String())
		}
	}
	return out
}

// without takes verbs on a resource from the Role of a namespace.
func without(roles []access.Role, namespace, resource, group string, verbs ...string) []access.Role {
	for i, r := range roles {
		if r.Namespace != namespace {
			continue
		}
		var kept []rbacv1.PolicyRule
		for _, rule := range r.Rules {
			if rule.Resources[0] == resource && rule.APIGroups[0] == group {
				rule.Verbs = slices.DeleteFunc(slices.Clone(rule.Verbs), func(v string) bool { return slices.Contains(verbs, v) })
			}
			if len(rule.Verbs) > 0 {
				kept = append(kept, rule)
			}
		}
		roles[i].Rules = kept
	}
	return roles
}

// lacking is a namespace whose Role lacks something, and what becomes of a bad release there.
type lacking struct {
	name string
	// take takes from the Roles.
	take func(roles []access.Role, namespace string) []access.Role
	// missing are the verbs that the daemon says it lacks.
	missing []string
	state   watch.State
	// says is a part of the reason.
	says string
}

// baseVerbs are the namespaces of the test below.
func baseVerbs() []lacking {
	apps := func(resource string, verbs ...string) func([]access.Role, string) []access.Role {
		return func(roles []access.Role, namespace string) []access.Role {
			return without(roles, namespace, resource, "apps", verbs...)
		}
	}
	return []lacking{
		{"get", apps("deployments", "get"), []string{"get deployments.apps"}, watch.Held, `cannot get resource "deployments" in API group "apps"`},
		{"versions", apps("replicasets", "list"), []string{"list replicasets.apps"}, watch.Held, `cannot list resource "replicasets" in API group "apps"`},
		{"pods", func(roles []access.Role, namespace string) []access.Role {
			return without(roles, namespace, "pods", "", "list")
		}, []string{"list pods"}, watch.Held, `cannot list resource "pods" in API group ""`},
		{"blind", apps("replicasets", "list", "watch"), []string{"list replicasets.apps", "watch replicasets.apps"}, watch.Inconclusive, `cannot list resource "replicasets" in API group "apps"`},
		{"patch", apps("deployments", "patch"), []string{"patch deployments.apps"}, watch.Failed, `cannot patch resource "deployments" in API group "apps"`},
		{"live", func(roles []access.Role, namespace string) []access.Role {
			roles = apps("deployments", "list", "watch")(roles, namespace)
			roles = apps("replicasets", "watch")(roles, namespace)
			return without(roles, namespace, "pods", "", "watch")
		}, []string{"list deployments.apps", "watch deployments.apps", "watch pods", "watch replicasets.apps"}, watch.RolledBack, ""},
		{"bare", func(roles []access.Role, namespace string) []access.Role {
			for i := range roles {
				if roles[i].Namespace == namespace {
					roles[i].Rules = access.Grant{Namespaces: []string{namespace}}.With(access.Base).Roles()[0].Rules
				}
			}
			return roles
		}, []string{"get configmaps", "get pods/log", "get services", "list events", "list horizontalpodautoscalers.autoscaling", "list services", "patch services", "watch services"},
			watch.RolledBack, ""},
	}
}

// TestWhatOneNamespaceLacksHoldsUpNoOther: one daemon watches namespaces of which each lacks another verb of the base. A bad release ends in each
// of them as the table says, with the API server's words; where nothing is missing it is rolled back as ever; and the daemon
// says beforehand what it lacks.
func TestWhatOneNamespaceLacksHoldsUpNoOther(t *testing.T) {
	w := onStack(t)
	own := namespaceOf(t)
	cases := baseVerbs()
	in := func(c lacking) string { return own + "-" + c.name }
	d := newDaemon(t, w, func(s *settings) {
		s.Guards = "{peers: false}"                           // all of them go bad at the same time
		s.SettleFor, s.Deadline = 30*time.Second, time.Minute // what is not let act is held then
		s.Requests = fmt.Sprintf(`http_requests_total{namespace=~"%s.*"}`, own)
		s.Errors = fmt.Sprintf(`http_requests_total{namespace=~"%s.*",code=~"5.."}`, own)
		for _, c := range cases {
			s.Others = append(s.Others, in(c))
		}
		s.Lacking = func(roles []access.Role) []access.Role {
			for _, c := range cases {
				roles = c.take(roles, in(c))
			}
			return roles
		}
	})
	all := newServiceWith(t, w, 60)
	var services []*service
	for _, c := range cases {
		services = append(services, createIn(t, w, in(c), "checkout", 60))
	}
	for _, s := range append(services, all) {
		s.awaitBaseline()
	}
	for i, c := range cases {
		requireLacks(t, d, in(c), c.missing)
		require.Equal(t, c.name, strings.TrimPrefix(services[i].Namespace, own+"-"))
	}
	requireLacks(t, d, own, nil)

	for _, s := range append(services, all) {
		s.deploy("v2", sampleapp.FailingThird())
		s.announce(d, s.Namespace, "v2")
	}
	d.awaitState(own, 120*time.Second, watch.RolledBack)
	all.requireLive("v1")
	for i, c := range cases {
		v := d.awaitState(in(c), 90*time.Second, c.state)
		require.Contains(t, v.Reason, c.says, c.name)
		want := "v2"
		if c.state == watch.RolledBack {
			want = "v1"
		}
		services[i].requireLive(want)
		if c.name == "bare" {
			requireDiagnosisSays(t, d, v, "grant it list on events in namespace "+in(c))
		}
	}
}

// createIn is createNamed in another namespace than the test's own.
func createIn(t *testing.T, w *world, namespace, name string, rps int) *service {
	t.Helper()
	s := &service{t: t, w: w, App: sampleapp.App{Client: w.client, Namespace: namespace, Name: name, Replicas: 3, RPS: rps}}
	require.NoError(t, s.Create(t.Context(), "v1", sampleapp.Behaviour{}))
	s.deleteAfter()
	return s
}

// requireLacks requires that the daemon's page, its metric and its log name what it lacks in a namespace, and no more.
func requireLacks(t *testing.T, d *daemon, namespace string, want []string) {
	t.Helper()
	eventually(t, 30*time.Second, func() (bool, string) {
		var got []string
		report, err := d.permissions()
		counts := map[access.Feature]int{}
		for _, l := range report.Missing {
			if l.Namespace != namespace {
				continue
			}
			if name := l.Verb + " " + l.Resource; !slices.Contains(got, name) {
				got = append(got, name)
			}
			counts[l.Feature]++
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			return false, fmt.Sprintf("in %s the daemon lacks %v (%v), and should lack %v", namespace, got, err, want)
		}
		_, metrics, err := d.get("/metrics")
		for feature, n := range counts {
			line := fmt.Sprintf("rollbackd_permission_missing{feature=%q,namespace=%q} %d\n", feature, namespace, n)
			if !strings.Contains(metrics, line) {
				return false, fmt.Sprintf("the metrics do not say %s (%v)", line, err)
			}
		}
		return true, ""
	})
	for _, name := range want {
		d.awaitLogged(`"permission":"` + name + " in namespace " + namespace + `"`)
	}
}

func requireDiagnosisSays(t *testing.T, d *daemon, v watch.View, text string) {
	t.Helper()
	eventually(t, 20*time.Second, func() (bool, string) {
		var all strings.Builder
		files, _ := filepath.Glob(filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "diagnosis", "*"))
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return false, err.Error()
			}
			all.Write(data)
		}
		return strings.Contains(all.String(), text), fmt.Sprintf("the diagnosis, of files %v, does not say %q", files, text)
	})
}

// TestADaemonWithoutAnyRoleSaysSo: it lives, is not ready, ends what it is told of as inconclusive, and names all that it lacks to
// whoever asks it, or asks as its account.
func TestADaemonWithoutAnyRoleSaysSo(t *testing.T) {
	w := onStack(t)
	d := launchDaemon(t, w, func(s *settings) {
		s.Lacking = func([]access.Role) []access.Role { return nil }
		s.SettleFor = 3 * time.Second
	})
	eventually(t, 30*time.Second, func() (bool, string) {
		code, body, err := d.get("/-/ready")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "permissions: the API server lets rollbackd read") &&
			strings.Contains(body, "nats: ok"), fmt.Sprint(code, body, err)
	})
	s := newServiceWith(t, w, 1)
	s.announce(d, "unseen", "v1")
	v := d.awaitState("unseen", 60*time.Second, watch.Inconclusive)
	require.Contains(t, v.Reason, `User "`+daemonUser(s.Namespace)+`" cannot get resource "deployments"`)
	code, body, err := d.get("/-/healthy")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code, body)

	for name, args := range map[string][]string{
		"the daemon":     {"--daemon", "http://" + d.HTTP},
		"the account":    {"--as", daemonUser(s.Namespace), "--kubeconfig", w.stack.Kubeconfig},
		"its kubeconfig": nil,
	} {
		code, out, problems := d.ctl(append([]string{"doctor", "--config", d.configPath(), "--permissions"}, args...)...)
		require.Equal(t, 1, code, name+problems)
		require.Contains(t, out, "list replicasets.apps in namespace "+s.Namespace+" is missing (base)", name)
		require.Contains(t, out, `{apiGroups: ["apps"], resources: ["replicasets"], verbs: ["list"]}`, name)
	}
	code, out, problems := d.ctl("doctor", "--config", d.configPath(), "--permissions", "--kubeconfig", w.stack.Kubeconfig)
	require.Equal(t, 0, code, out+problems)
}
