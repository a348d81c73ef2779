package analyzer

import (
	"regexp"
	"testing"
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
