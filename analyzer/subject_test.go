package analyzer

import (
	"testing"
	"time"
)

func TestMembersAreToldByWhateverTheLabelsTell(t *testing.T) {
	byPod := Labels{Namespace: "namespace", Pod: "pod"}
	byVersion := Labels{Namespace: "namespace", Workload: "app", Version: "version"}
	both := Labels{Namespace: "namespace", Pod: "pod", Version: "version"}
	byWorkload := Labels{Workload: "app"}
	pods := Members{PodPrefix: "checkout-7d9f8c6b5-", Versions: []string{"v2"}, Undivided: true}
	versions := Members{Versions: []string{"v2"}, Undivided: true}
	others := Members{NotVersions: []string{"v2"}}
	v2 := found{pod: "checkout-7d9f8c6b5-x2x4z", version: "v2"}
	v1 := found{pod: "checkout-5f5f5f5f5-x2x4z", version: "v1"}
	for _, c := range []struct {
		name    string
		labels  Labels
		members Members
		series  found
		want    bool
	}{
		{"a pod of the ReplicaSet", byPod, pods, v2, true},
		{"a pod of another", byPod, pods, v1, false},
		{"no pod is known", byPod, versions, v2, false},
		{"the version", byVersion, pods, v2, true},
		{"another version", byVersion, pods, v1, false},
		{"all but the version", byVersion, others, v1, true},
		{"all but the version, which this is", byVersion, others, v2, false},
		{"known pods come before versions", both, pods, found{pod: "checkout-7d9f8c6b5-x2x4z", version: "latest"}, true},
		{"versions come before unknown pods", both, versions, v2, true},
		{"a pod by name", byPod, Members{Pods: map[string]bool{"a": true}}, found{pod: "a"}, true},
		{"nothing tells versions apart", byWorkload, pods, v1, true},
		{"nothing tells the control apart", byWorkload, others, v1, false},
		{"a workload of its own, by its label", byWorkload, Members{Workload: "checkout", NotVersions: []string{"v2"}}, v1, true},
		{"a workload of its own, which nothing tells", Labels{}, Members{Workload: "checkout"}, v1, false},
		{"no members", byVersion, Members{}, v2, false},
	} {
		if got := c.members.has(Signal{Labels: c.labels}, c.series); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func TestQueryNamesWhatTheLabelsTell(t *testing.T) {
	sub := Subject{
		Namespace: "shop", Workload: "check.out",
		Release: Members{PodPrefix: "check.out-7d9-", Versions: []string{"v2", "2+1"}, Undivided: true},
		Control: Members{PodPrefix: "check.out-5f5-", NotVersions: []string{"v2", "2+1"}},
	}
	span := Span{From: time.Unix(0, 0), At: time.Unix(60, 0)}
	for _, c := range []struct {
		labels Labels
		want   string
	}{
		{Labels{Namespace: "ns", Pod: "pod"}, `{__name__="bad",ns=~"shop",pod=~"check\\.out-7d9-[bcdfghjklmnpqrstvwxz2456789]{5}"}`},
		{Labels{Workload: "app"}, `{__name__="bad",app=~"check\\.out"}`},
		{Labels{Workload: "app", Version: "version"}, `{__name__="bad",app=~"check\\.out",version=~"2\\+1|v2"}`},
	} {
		sig := Signal{Kind: KindErrorRate, Requests: `{__name__="all"}`, Errors: `{__name__="bad"}`, Labels: c.labels, Scrape: 15 * time.Second}
		got, err := Query(sig, sub, span)
		if err != nil {
			t.Fatal(err)
		}
		if want := "sum(increase(" + c.want + "[1m] @ 60.000)) / "; len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("%+v:\ngot  %s\nwant %s", c.labels, got, want)
		}
	}
}

// Where the names of the pods are not known yet, those that Kubernetes gives a Deployment's pods are asked for.
func TestPodsOfAWorkloadAreKnownByTheirNames(t *testing.T) {
	narrow, err := narrower(Labels{Pod: "pod"}, []Subject{{Workload: "checkout"}})
	if err != nil {
		t.Fatal(err)
	}
	all, err := ParseSelector("http_requests_total")
	if err != nil {
		t.Fatal(err)
	}
	for pod, want := range map[string]bool{
		"checkout-7d9f8c6b5-x2x4z":     true,
		"checkout-api-7d9f8c6b5-x2x4z": false,
		"checkout-0":                   false,
	} {
		value := func(label string) string {
			return map[string]string{"__name__": "http_requests_total", "pod": pod}[label]
		}
		if got := narrow(all).matches(value); got != want {
			t.Errorf("%s: %t", pod, got)
		}
	}
}

// The pods of a canary may bear its own name or the stable workload's in the workload's label.
func TestAnAliasNamesWhatPodsOrVersionsTellApart(t *testing.T) {
	pod := "checkout-canary-7d9f8c6b5-x2x4z"
	canary := Members{Workload: "checkout-canary", Alias: "checkout", PodPrefix: "checkout-canary-7d9f8c6b5-", Versions: []string{"v2"}}
	byPod, byVersion := Labels{Workload: "app", Pod: "pod"}, Labels{Workload: "app", Version: "version"}
	for _, c := range []struct {
		name   string
		labels Labels
		series found
		want   bool
	}{
		{"its own name", byPod, found{workload: "checkout-canary", pod: pod}, true},
		{"the stable one's name", byPod, found{workload: "checkout", pod: pod}, true},
		{"a stable pod", byPod, found{workload: "checkout", pod: "checkout-7d9f8c6b5-x2x4z"}, false},
		{"another workload", byPod, found{workload: "cart", pod: pod}, false},
		{"its version", byVersion, found{workload: "checkout", version: "v2"}, true},
		{"the stable version", byVersion, found{workload: "checkout", version: "v1"}, false},
		{"the label alone, its own", Labels{Workload: "app"}, found{workload: "checkout-canary"}, true},
		{"the label alone, the stable one's", Labels{Workload: "app"}, found{workload: "checkout"}, false},
	} {
		sub := Subject{Namespace: "shop", Workload: "checkout-canary", Release: canary}
		if got := sub.holds(Signal{Labels: c.labels}, canary, c.series); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
