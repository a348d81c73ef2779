package notifier

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRoutes(t *testing.T) {
	routes := []Route{
		{Severities: []Severity{Page}, Sinks: []string{"pager"}, To: []Role{OnCall}},
		{Match: []Match{{Environment: "production", Namespace: "shop*"}, {Workload: "billing"}}, Sinks: []string{"chat", "pager"}, To: []Role{ServiceOwner, OnCall}},
		{Kinds: []Kind{KindDeployed, KindHealthy}, Match: []Match{{Namespace: "*"}}, Sinks: []string{"quiet"}},
	}
	for name, c := range map[string]struct {
		notice Notice
		want   Addressed
	}{
		"a page of any workload":             {Notice{Severity: Page, Environment: "staging", Workload: "x/y"}, Addressed{"pager": {OnCall}}},
		"all routes that take it add up":     {Notice{Severity: Page, Environment: "production", Workload: "shop-eu/web"}, Addressed{"pager": {OnCall, ServiceOwner}, "chat": {ServiceOwner, OnCall}}},
		"the end of an incident":             {Notice{Severity: Info, Kind: KindResolved, Incident: "i", Environment: "staging", Workload: "x/y"}, Addressed{"pager": {OnCall}}},
		"the end of what was no incident":    {Notice{Severity: Info, Kind: KindResolved, Environment: "staging", Workload: "x/y"}, Addressed{}},
		"the second pattern":                 {Notice{Severity: Warn, Environment: "staging", Workload: "pay/billing"}, Addressed{"pager": {ServiceOwner, OnCall}, "chat": {ServiceOwner, OnCall}}},
		"another environment":                {Notice{Severity: Warn, Environment: "staging", Workload: "shop/web"}, Addressed{}},
		"by its kind":                        {Notice{Severity: Info, Kind: KindHealthy, Workload: "a/b"}, Addressed{"quiet": nil}},
		"of no workload, a star takes it":    {Notice{Severity: Info, Kind: KindDeployed}, Addressed{"quiet": nil}},
		"of no workload, a prefix does not":  {Notice{Severity: Warn, Environment: "production"}, Addressed{}},
		"a slash in a name crosses no field": {Notice{Severity: Warn, Environment: "production", Workload: "x/shop/y"}, Addressed{}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, Address(routes, c.notice)) })
	}
}
