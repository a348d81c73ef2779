package app

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/rollbackd/rollbackd/internal/access"
	"github.com/rollbackd/rollbackd/internal/config"
)

func accessOf(t *testing.T, kubernetes string) *config.Config {
	t.Helper()
	text := strings.NewReplacer("log: {level: %s}", "kubernetes: "+kubernetes, "%d", "1", "%s", "any").Replace(least)
	cfg, err := config.Parse([]byte(text))
	require.NoError(t, err)
	return cfg
}

// TestAReloadHasThePermissionsLookedAt: at once, and what another configuration lacks is told, as is that what was missing is not needed any more.
func TestAReloadHasThePermissionsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		registry := prometheus.NewPedanticRegistry()
		api := &refusing{}
		api.become(nil, "list statefulsets.apps in namespace pay", "get pods/log in namespace shop")
		first := accessOf(t, "{namespaces: [shop], features: [canary]}")
		grant := first.Access()
		grant.Own = "ops"
		p := watchPermissions(grant, api, registry, zap.New(core))
		p.follow(first)
		go p.run(t.Context())
		synctest.Wait()
		missing := func() (out []string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			require.False(t, p.at.IsZero())
			for _, n := range p.missing {
				out = append(out, n.String())
			}
			return out
		}
		told := func(what string) (out []any) {
			for _, e := range logs.FilterMessage(what).All() {
				out = append(out, e.ContextMap()["permission"])
			}
			return out
		}
		require.Equal(t, []string{"get pods/log in namespace shop"}, missing())

		wide := accessOf(t, "{namespaces: [shop, pay], features: [canary, statefulSets]}")
		p.follow(wide)
		p.follow(wide)
		synctest.Wait()
		require.Equal(t, []string{"get pods/log in namespace shop", "list statefulsets.apps in namespace pay"}, missing())
		require.Equal(t, []any{"get pods/log in namespace shop", "list statefulsets.apps in namespace pay"}, told("a permission is missing"))
		require.Equal(t, "ops", p.grant.Own, "where the daemon runs is not in the configuration")

		p.follow(accessOf(t, "{namespaces: [pay], features: [canary]}"))
		synctest.Wait()
		require.Empty(t, missing())
		require.Empty(t, told("a permission that was missing is there"))
		require.Len(t, told("a permission that is missing is no longer needed"), 2)
		require.Equal(t, 1, logs.FilterMessageSnippet("has the permissions").Len())
		require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(""), "rollbackd_permission_missing"))

		api.become(nil, "list statefulsets.apps in namespace pay")
		stale := access.Grant{Namespaces: []string{"pay"}}.With(access.StatefulSets).Needs()
		p.found(stale, stale, p.at)
		require.Empty(t, missing(), "what was found of other needs says nothing of these")
	})
}
