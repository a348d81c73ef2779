package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rollbackd/rollbackd/internal/access"
)

// refusing allows everything but some needs.
type refusing struct {
	mu      sync.Mutex
	refused map[string]bool
	down    error
}

// become has it refuse those needs from now on, or fail.
func (r *refusing) become(down error, refused ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down, r.refused = down, map[string]bool{}
	for _, need := range refused {
		r.refused[need] = true
	}
}

func (r *refusing) Rules(context.Context, string) ([]authorizationv1.ResourceRule, error) {
	return nil, errors.New("it lists nothing")
}

func (r *refusing) May(_ context.Context, n access.Need) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.refused[n.String()], r.down
}

// TestPermissionsAreToldOnce: what is missing is in the log, the metric, the page and, if nothing can be watched, the readiness; and it
// is told when it is there again.
func TestPermissionsAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		registry := prometheus.NewPedanticRegistry()
		api := &refusing{}
		grant := access.Grant{Namespaces: []string{"shop", "pay"}}.With(access.Base, access.PodLogs)
		p := watchPermissions(grant, api, registry, zap.New(core))
		go p.run(t.Context())
		metric := func(want string) {
			t.Helper()
			if want != "" {
				want = "# HELP rollbackd_permission_missing How many verbs a feature lacks on Kubernetes in a namespace that the configuration names; empty stands for all. There is no series where none is missing.\n# TYPE rollbackd_permission_missing gauge\n" + want
			}
			require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(want), "rollbackd_permission_missing"))
		}
		shown := func() (report access.Report) {
			w := httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/permissions", nil))
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &report))
			return report
		}
		next := func() { time.Sleep(permissionsEvery); synctest.Wait() }
		synctest.Wait()
		require.Equal(t, 1, logs.FilterMessageSnippet("has the permissions").Len())
		require.Equal(t, len(p.needs), shown().Needed)
		metric("")

		api.become(nil, "get pods/log in namespace pay", "get deployments.apps in namespace pay")
		next()
		next() // it is not told again
		told := logs.FilterMessage("a permission is missing").All()
		require.Len(t, told, 2)
		require.Equal(t, zap.ErrorLevel, told[0].Level, "without the base nothing is watched")
		require.Equal(t, zap.WarnLevel, told[1].Level)
		require.Contains(t, told[1].ContextMap()["without"], "the diagnosis has no logs")
		require.Contains(t, told[1].ContextMap()["mend"], `Role in namespace pay: {apiGroups: [""], resources: ["pods/log"], verbs: ["get"]}`)
		metric("rollbackd_permission_missing{feature=\"base\",namespace=\"pay\"} 1\nrollbackd_permission_missing{feature=\"podLogs\",namespace=\"pay\"} 1\n")
		require.Len(t, shown().Missing, 2)
		require.NoError(t, p.watchable(t.Context()), "shop is watched")

		api.become(nil, "get pods/log in namespace pay", "get deployments.apps in namespace pay", "list pods in namespace shop")
		next()
		require.ErrorContains(t, p.watchable(t.Context()), "in none of the namespaces")

		api.become(errors.New("no answer"))
		next()
		require.Equal(t, 1, logs.FilterMessageSnippet("could not be looked at").Len())
		require.Len(t, shown().Missing, 3, "what is not known is as it was")

		api.become(nil)
		time.Sleep(permissionsAgain)
		synctest.Wait()
		metric("")
		require.Equal(t, 3, logs.FilterMessage("a permission that was missing is there").Len())
		require.NoError(t, p.watchable(t.Context()))
	})
}

// An API server that does not even tell what may be done is told of once, with what to do, and again if it stops to after it did.
func TestPermissionsThatAreNotToldAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		api := &refusing{}
		forbidden := apierrors.NewForbidden(schema.GroupResource{Group: "authorization.k8s.io", Resource: "selfsubjectaccessreviews"}, "", errors.New("no"))
		api.become(forbidden)
		p := watchPermissions(access.Grant{Namespaces: []string{"shop"}}.With(access.Base), api, prometheus.NewPedanticRegistry(), zap.New(core))
		go p.run(t.Context())
		told := func() []observer.LoggedEntry {
			return logs.FilterMessageSnippet("could not be looked at").All()
		}
		time.Sleep(20 * permissionsAgain)
		synctest.Wait()
		require.Len(t, told(), 1)
		require.Contains(t, told()[0].ContextMap()["mend"], "system:basic-user")
		api.become(nil)
		time.Sleep(2 * permissionsAgain)
		synctest.Wait()
		require.Equal(t, 1, logs.FilterMessageSnippet("has the permissions").Len())
		api.become(forbidden)
		time.Sleep(permissionsEvery + 4*permissionsAgain)
		synctest.Wait()
		require.Len(t, told(), 2)
	})
}
