package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWarnings(t *testing.T) {
	const observes = "line 4: policies: every policy only observes, so nothing is ever rolled back; set mode: automatic where the records have convinced you"
	automatic := inPolicy("mode: automatic")
	latency := func(signal string) []string {
		return append(automatic, "    requests: http_requests_total\n    errors: http_requests_total{code=~\"5..\"}\n", "    kind: latency\n    "+signal+"\n")
	}
	for name, c := range map[string]struct {
		edit []string
		says []string
	}{
		"nothing is rolled back":            {nil, []string{observes}},
		"nothing":                           {automatic, nil},
		"a late stage rolls back":           {inPolicy("stages: {enhanced: {mode: automatic}}"), nil},
		"strict while observing":            {inSignal("strict: true"), []string{observes}},
		"strict while a stage is automatic": {append(inPolicy("stages: {onCall: {mode: automatic}}"), inSignal("strict: true")...), []string{"line 9: policies[0].signals[0].strict: true is outside the bound on false rollbacks: in automatic mode it rolls back healthy releases by chance, whatever alpha says; remove it, or set mode: observe"}},
		"too late to act": {append(automatic, inSignal("for: 1h")...), []string{
			"line 9: policies[0].signals[0].for: 1h is no shorter than the time in which the policy rolls back by itself, which ends after 1h; make it shorter, or the stages longer"}},
		"half of a preset": {append(automatic, "    errors: http_requests_total{code=~\"5..\"}\n", "    preset: http\n"), []string{
			`line 9: policies[0].signals[0].requests: is given, but errors is still "http_requests_total{code=~\"5..\"}" of the preset; name both, so that the errors are a part of these requests`}},
		"a likely bound":    {latency("histogram: h_bucket\n    slo: 500ms"), nil},
		"an unlikely bound": {latency("histogram: h_bucket\n    slo: 570ms\n    tolerance: 0"), []string{"line 11: policies[0].signals[0].slo: the limit of 570ms (slo plus tolerance) is hardly a bound of the histogram; choose slo and tolerance so that their limit is one, or the next bound above it counts"}},
		"a bound":           {latency("preset: http\n    slo: 500ms\n    tolerance: 0"), nil},
		"between two bounds": {latency("preset: http\n    slo: 500ms"), []string{"line 11: policies[0].signals[0].slo: the limit of 600ms (slo plus tolerance) is none of the bounds that these series have unless others were configured: " +
			"what takes up to 1s is not held slow; configure buckets with this bound, or choose a limit of 500ms or 1s"}},
		"below all bounds": {latency("preset: traefik\n    slo: 50ms\n    tolerance: 0"), []string{"line 11: policies[0].signals[0].slo: the limit of 50ms (slo plus tolerance) is none of the bounds that these series have unless others were configured: " +
			"what takes up to 100ms is not held slow; configure buckets with this bound, or choose a limit of 100ms"}},
		"above all bounds": {latency("preset: traefik\n    slo: 5s"), []string{"line 11: policies[0].signals[0].slo: the limit of 6s (slo plus tolerance) is above 5s, the highest bound that these series have unless others were configured; " +
			"without a bound at or above it nothing can be judged"}},
		"a histogram of one's own": {latency("preset: traefik\n    histogram: h_bucket\n    slo: 5s"), nil},
		"the environment of another daemon": {append(automatic, "  signals:", "  match: [{environment: stag*}, {environment: 'prod*'}]\n  signals:"), []string{
			`line 7: policies[0].match[0].environment: "stag*" is none of the environments that this daemon watches, so this match takes nothing; use one of ["production"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := Parse(edited(c.edit...))
			require.NoError(t, err)
			var got []string
			for _, w := range config.Warnings() {
				got = append(got, w.String())
			}
			require.Equal(t, c.says, got)
		})
	}
}

// A policy is unreachable only if the ones before it take all that it matches; never is one called so that is not.
func TestPoliciesThatNobodyComesTo(t *testing.T) {
	for _, c := range []struct {
		wide, narrow string
		want         bool
	}{
		{"", "shop", true}, {"*", "", true}, {"*", "sh?p-*", true}, {"shop", "shop", true}, {"shop*", "shop-*", true}, {"s*p", "sh?p", true}, {"sh?p", "shop", true},
		{"*-api", "shop-api", true}, {"*a*b", "xaxxb", true}, {"[ab]c", "[ab]c", true},
		{"shop", "", false}, {"shop", "sho?", false}, {"sho?", "shop*", false}, {"shop-*", "shop*", false}, {"sh?p", "sh*p", false}, {"?", "*", false},
		{"[ab]c", "ac", false}, {`\*`, "*", false}, {"?*", "*", false}, {"a", "ab", false}, {"ab", "a", false},
	} {
		require.Equal(t, c.want, covers(c.wide, c.narrow), "%q covers %q", c.wide, c.narrow)
	}
}

// What reaches nobody is said before it is needed.
func TestNoticesThatReachNobody(t *testing.T) {
	sinks := "notify:\n  sinks: [{name: pager, log: {}}, {name: chat, log: {}}]\n"
	for name, c := range map[string]struct {
		routes string
		says   []string
	}{
		"without routes every sink gets pages": {"", nil},
		"all pages":                            {"  routes: [{sinks: [pager, chat], severities: [page]}]", nil},
		"a sink that no route leads to":        {"  routes: [{sinks: [pager]}]", []string{`line 5: notify.sinks[1]: "chat" gets nothing, because no route leads to it; add it to the sinks of one`}},
		"pages of one namespace alone": {"  routes: [{sinks: [pager, chat], match: [{namespace: shop}]}]", []string{
			"line 6: notify.routes: pages of environment production reach no sink (awaiting-approval, rolled-back, unresolved, other) unless a narrower route takes them; " +
				"add a route with severities: [page] and no match, or one of the environment alone"}},
		"two routes together": {"  routes: [{sinks: [pager], kinds: [awaiting-approval, unresolved, other], match: [{environment: prod*}]}, {sinks: [chat], kinds: [rolled-back]}]", []string{
			`line 6: notify.routes[0].kinds: do not have "resolved", so that "pager" is told that an incident began and keeps it open when it is over; add resolved`,
			`line 6: notify.routes[0].kinds: do not have "rolled-back", so that "pager" is told that an incident began and keeps it open when it is over; add rolled-back`}},
		"no page at all": {"  routes: [{sinks: [pager, chat], severities: [info, warn]}]", []string{
			"line 6: notify.routes: pages of environment production reach no sink (awaiting-approval, rolled-back, unresolved, other) unless a narrower route takes them; " +
				"add a route with severities: [page] and no match, or one of the environment alone"}},
		"roles that nobody has": {"  routes: [{sinks: [pager, chat], to: [on-call]}]", []string{
			"line 6: notify.routes[0].to: names nobody, because notify.contacts is not given, which says who has which role"}},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := Parse(edited(append(inTop(sinks+c.routes), inPolicy("mode: automatic")...)...))
			require.NoError(t, err)
			var got []string
			for _, w := range config.Warnings() {
				got = append(got, w.String())
			}
			require.Equal(t, c.says, got)
		})
	}
}
