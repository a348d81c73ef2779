package analyzer

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
)

// What the judge holds to be the workload's is what Prometheus is asked for, neither more nor less.
func TestWorkloadsAreToldByTheFormOfTheirLabel(t *testing.T) {
	for _, c := range []struct {
		form, value string
		want        bool
	}{
		{"", "check.out", true},
		{"", "check-out", false},
		{"", "check.out-80", false},
		{"{namespace}-{workload}-*@kubernetes", "shop-check.out-80@kubernetes", true},
		{"{namespace}-{workload}-*@kubernetes", "shop-check.out-Web8@kubernetes", true},
		{"{namespace}-{workload}-*@kubernetes", "shop-check.out-api-80@kubernetes", false}, // of check.out-api
		{"{namespace}-{workload}-*@kubernetes", "shop-check.out-@kubernetes", false},
		{"{namespace}-{workload}-*@kubernetes", "shop-check.out-80@kubernetescrd", false},
		{"{namespace}-{workload}-*@kubernetes", "shop-check-out-80@kubernetes", false}, // the dot is a dot
		{"{namespace}-{workload}-*@kubernetes", "new-shop-check.out-80@kubernetes", false},
		{"{namespace}_{workload}_*", "shop_check.out_80", true},
		{"{namespace}_{workload}_*", "shop_check.out_80\n", false},
		{"*/{workload}/*/end", "a/check.out/0/end", true},
		{"*/{workload}/*/end", "/check.out/0/end", false},
		{"{workload}", "", false},
	} {
		labels := Labels{Workload: "service", WorkloadValue: c.form}
		if got := labels.namesWorkload("shop", "check.out", c.value); got != c.want {
			t.Errorf("%q names by %q: %t", c.value, c.form, got)
		}
		pattern := `\A(?:` + labels.workloadPattern("shop", "check.out") + `)\z`
		if got := regexp.MustCompile(pattern).MatchString(c.value); got != c.want {
			t.Errorf("%q matches %s: %t", c.value, pattern, got)
		}
	}
}

func TestWorkloadsOfOneFormAreAskedForTogether(t *testing.T) {
	labels := Labels{Workload: "service", WorkloadValue: "{namespace}-{workload}-*@kubernetes"}
	narrow, err := narrower(labels, []Subject{{Namespace: "shop", Workload: "a"}, {Namespace: "shop", Workload: "b.c"}})
	if err != nil {
		t.Fatal(err)
	}
	all, err := ParseSelector("requests_total")
	if err != nil {
		t.Fatal(err)
	}
	want := `requests_total{service=~"shop-a-[0-9a-zA-Z]+@kubernetes|shop-b\\.c-[0-9a-zA-Z]+@kubernetes"}`
	if got := narrow(all).String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A release is no peer of itself, though its label holds more than its name; several ports of a Service are one peer.
func TestPeersAreNamedByTheFormOfTheirLabel(t *testing.T) {
	requests := func(service string, code string, values ...float64) *model.SampleStream {
		s := counter("requests_total", "", "", code, 0, values...)
		s.Metric["service"] = model.LabelValue(service)
		return s
	}
	srv := &server{t: t, series: []*model.SampleStream{
		requests("shop-checkout-80@kubernetes", "500", 0, 10, 50),
		requests("shop-checkout-api-80@kubernetes", "500", 0, 1, 3),
		requests("shop-checkout-api-http@kubernetes", "200", 0, 4, 10),
		requests("staging-checkout-80@kubernetes", "200", 0, 100, 200),
		requests("shop-web-80@kubernetes", "200", 0, 1000, 2000),
	}}
	sig := Signal{
		Kind: KindErrorRate, Requests: "requests_total", Errors: `requests_total{code="500"}`, Scrape: scrape,
		Labels: Labels{Workload: "service", WorkloadValue: "{namespace}-{workload}-*@kubernetes"},
	}
	sus := Suspicion{
		Namespace: "shop", Workload: "checkout", Peers: true, NewlyDeployed: []string{"shop/web"},
		Before: Span{second(0), second(15)}, During: Span{second(15), second(30)},
	}
	got, err := srv.sampler().peers(t.Context(), sig, "shop", sus, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Peer{
		{Workload: "staging-checkout-80@kubernetes", Change: Change{Before: Counts{N: 100}, During: Counts{N: 100}}},
		{Workload: "checkout-api", Change: Change{Before: Counts{N: 5, K: 1}, During: Counts{N: 8, K: 2}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
