package backtest

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

func covering(matches ...watch.Match) watch.Policy { return watch.Policy{Name: "p", Match: matches} }

func TestNamespacesThatPoliciesCanMatch(t *testing.T) {
	for name, c := range map[string]struct {
		policies []watch.Policy
		want     []string
		few      bool
	}{
		"named ones, each once":       {[]watch.Policy{covering(watch.Match{Namespace: "shop"}, watch.Match{Namespace: "pay"}), covering(watch.Match{Namespace: "shop", Workload: "x*"})}, []string{"pay", "shop"}, true},
		"not of another environment":  {[]watch.Policy{covering(watch.Match{Environment: "prod*", Namespace: "shop"}, watch.Match{Environment: "staging", Namespace: "*"})}, []string{"shop"}, true},
		"a policy without a match":    {[]watch.Policy{covering(watch.Match{Namespace: "shop"}), covering()}, nil, false},
		"a match without a namespace": {[]watch.Policy{covering(watch.Match{Workload: "checkout"})}, nil, false},
		"a pattern":                   {[]watch.Policy{covering(watch.Match{Namespace: "shop-?"})}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, few := Cluster{Environment: "production", Policies: c.policies}.Namespaces()
			require.Equal(t, c.want, got)
			require.Equal(t, c.few, few)
		})
	}
}

func TestDeploymentsOfReplicaSets(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 11, n, 10, 0, 0, 0, time.UTC) }
	rs := func(version string, created time.Time) rollback.Revision {
		return rollback.Revision{ReplicaSet: "checkout-" + version, Hash: "hash-" + version, Version: version, CreatedAt: created}
	}
	workload := func(namespace, name string, revisions ...rollback.Revision) rollback.History {
		return rollback.History{Workload: rollback.Workload{Namespace: namespace, Name: name}, Revisions: revisions}
	}
	nameless := rs("", day(21))
	nameless.ReplicaSet, nameless.Hash = "checkout-77", "77"
	all := Cluster{Environment: "production", Policies: []watch.Policy{covering()}, Since: day(10), Until: day(25)}
	shop := all
	shop.Policies = []watch.Policy{covering(watch.Match{Namespace: "shop"})}
	for name, c := range map[string]struct {
		from      Cluster
		histories []rollback.History
		want      []string
	}{
		"the oldest is what was there before":             {all, []rollback.History{workload("shop", "checkout", rs("v1", day(20)))}, nil},
		"each one after it is a deployment":               {all, []rollback.History{workload("shop", "checkout", rs("v3", day(22)), rs("v2", day(21)), rs("v1", day(20)))}, []string{"21 shop/checkout v2 after v1", "22 shop/checkout v3 after v2"}},
		"only those of the span, but what was before it":  {all, []rollback.History{workload("shop", "checkout", rs("v4", day(26)), rs("v3", day(11)), rs("v2", day(9)), rs("v1", day(1)))}, []string{"11 shop/checkout v3 after v2"}},
		"a revived one was deployed when it was made":     {all, []rollback.History{workload("shop", "checkout", rs("v1", day(20)), rs("v2", day(21)))}, []string{"21 shop/checkout v2 after v1"}},
		"of the same second, the newer revision is later": {all, []rollback.History{workload("shop", "checkout", rs("v2", day(20)), rs("v1", day(20)))}, []string{"20 shop/checkout v2 after v1"}},
		"without a version the hash":                      {all, []rollback.History{workload("shop", "checkout", nameless, rs("v1", day(20)))}, []string{"21 shop/checkout 77 after v1"}},
		"all workloads in order of time": {all, []rollback.History{
			workload("shop", "checkout", rs("v3", day(22)), rs("v2", day(20)), rs("v1", day(19))), workload("pay", "gate", rs("v2", day(21)), rs("v1", day(2))),
		}, []string{"20 shop/checkout v2 after v1", "21 pay/gate v2 after v1", "22 shop/checkout v3 after v2"}},
		"only what a policy covers": {shop, []rollback.History{workload("pay", "gate", rs("v2", day(21)), rs("v1", day(20)))}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			events := c.from.Deployments(c.histories)
			var got []string
			var lines bytes.Buffer
			for _, e := range events {
				got = append(got, e.Timestamp.Format("2")+" "+e.Namespace+"/"+e.Workload+" "+e.Version+" after "+e.PreviousVersion)
				require.NoError(t, json.NewEncoder(&lines).Encode(e))
			}
			require.Equal(t, c.want, got)
			read, err := ReadEvents(&lines)
			require.NoError(t, err)
			for i := range read {
				read[i].Raw = nil
			}
			require.Equal(t, events, read, "what is printed is read as the same")
		})
	}
}

func TestEventsOfReplicaSetsAreToldApart(t *testing.T) {
	c := Cluster{Environment: "production", Policies: []watch.Policy{covering()}, Until: time.Unix(9, 0)}
	var keys []string
	for _, e := range c.Deployments([]rollback.History{{Workload: rollback.Workload{Namespace: "shop", Name: "checkout"}, Revisions: []rollback.Revision{
		{ReplicaSet: "c", Version: "v1", CreatedAt: time.Unix(3, 0)}, {ReplicaSet: "b", Version: "v1", CreatedAt: time.Unix(2, 0)}, {ReplicaSet: "a", Version: "v1", CreatedAt: time.Unix(1, 0)},
	}}}) {
		require.Equal(t, event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"}, e.Target())
		keys = append(keys, e.Key())
	}
	require.Len(t, keys, 2)
	require.NotEqual(t, keys[0], keys[1])
}
