package config

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mistaken is a configuration that is wrong, and everything that is said about it.
type mistaken struct {
	edit []string
	says []string
}

// in returns an edit that adds lines: to the top, to the policy, or to the signal.
func inTop(lines string) []string    { return []string{"policies:", lines + "\npolicies:"} }
func inPolicy(lines string) []string { return []string{"- name: http", "- name: http\n  " + lines} }
func inSignal(lines string) []string {
	return []string{"  - name: errors", "  - name: errors\n    " + lines}
}

// every edit of least is one line longer at the line told: the top's begins on line 4, the policy's on 6, the signal's on 8.
func mistakes() []mistaken {
	const spelling = "; check its spelling, and by the indentation what it belongs to"
	return slices.Concat([]mistaken{
		{inTop("foo: 1"), []string{`line 4: foo: unknown key "foo"` + spelling}},
		{inTop("nats: {embedded: {dir: x}}"), []string{`line 4: nats.embedded.dir: unknown key "dir"` + spelling}},
		{inPolicy("moed: x"), []string{`line 6: policies[0].moed: unknown key "moed"` + spelling}},
		{inPolicy("stages: {active: {untl: 3m}}"), []string{`line 6: policies[0].stages.active.untl: unknown key "untl"` + spelling}},
		{inSignal("maxIncrease: {rel: 1}"), []string{`line 8: policies[0].signals[0].maxIncrease.rel: unknown key "rel"` + spelling}},
		{inTop("instance: again"), []string{`line 4: instance: is given twice, first on line 1; keep one`}},
		{inSignal("for: 1m\n    for: 2m"), []string{`line 9: policies[0].signals[0].for: is given twice, first on line 8; keep one`}},
		{[]string{"[production]", "production"}, []string{`line 2: environments: is "production"; it must be a list, such as [production] or lines that begin with a dash`}},
		{inTop("http: 3"), []string{`line 4: http: is "3"; it must be a mapping, that is, indented keys with their values`}},
		{inSignal("minRequests: -3"), []string{`line 8: policies[0].signals[0].minRequests: is "-3"; it must be a whole number that is not negative`}},
		{inSignal("maxIncrease: {relative: ten}"), []string{`line 8: policies[0].signals[0].maxIncrease.relative: is "ten"; it must be a number, such as 0.1`}},
		{inPolicy("mode: [x]"), []string{`line 6: policies[0].mode: is a list; it must be text`}},
		{inSignal("for: 5 minutes"), []string{`line 8: policies[0].signals[0].for: "5 minutes" is not a duration; write it as 30s, 5m or 1h30m`}},
		{inSignal("for: 5"), []string{`line 8: policies[0].signals[0].for: "5" is not a duration; write it as 30s, 5m or 1h30m`}},
		{inSignal("for: -5m"), []string{`line 8: policies[0].signals[0].for: "-5m" is not a duration; write it as 30s, 5m or 1h30m`}},
		{[]string{"- name: http", "- \n- name: http"}, []string{`line 5: policies[0]: is empty; remove the dash or write the entry after it`}},
		{inTop("foo: 1\nhttp: {listen: 3}\nlog: {levle: x}\nkubernetes: {timeout: x}"), []string{
			`line 4: foo: unknown key "foo"` + spelling, `line 6: log.levle: unknown key "levle"` + spelling,
			`line 7: kubernetes.timeout: "x" is not a duration; write it as 30s, 5m or 1h30m`}},
		{[]string{least, ""}, []string{"line 1: the file is empty; it needs at least instance, environments, prometheus.url and policies"}},
		{[]string{least, least + "---\n" + least}, []string{"the file holds several YAML documents, parted by --- or ended by ..., and must hold one; put what belongs together under one and take the rest out"}},
		{[]string{"[production]", "[production"}, []string{"line 3: not YAML: did not find expected ',' or ']' while parsing a flow sequence; look at the indentation, colons and brackets here and just before"}},
	}, wrongValues(), wrongSignals(), wrongHealth(), jobMistakes(), wrongLeaderElection(), wrongCanary(), wrongNotify(), wrongSinks(), wrongOtherSinks(), wrongPages(),
		wrongSources(), wrongPostmortems(), wrongOperation())
}

// wrongValues are well-formed, but cannot work.
func wrongValues() []mistaken {
	const duration = "is not a positive duration; write it as 30s, 5m or 1h30m"
	return []mistaken{
		{[]string{least, "{}"}, []string{
			`line 1: instance: "" is not an instance name; use up to 40 lower-case letters, digits and dashes, such as production-eu`,
			`line 1: environments: is empty; name the environments whose deployments are to be watched, such as [production]`,
			`line 1: prometheus.url: "" is not an address of Prometheus; write it as http://prometheus:9090`,
			`line 1: policies: is empty; without a policy no deployment is watched`}},
		{[]string{"production", "Prod"}, []string{`line 2: environments[0]: "Prod" is not an environment's name; use lower-case letters, digits and dashes`}},
		{[]string{"http://p:9090", "p:9090"}, []string{`line 3: prometheus.url: "p:9090" is not an address of Prometheus; write it as http://prometheus:9090`}},
		{[]string{`9090"`, `9090", externalURL: "http://a:b@p"`}, []string{"line 3: prometheus.externalURL: may not hold a user or a password, as records of incidents show it"}},
		{[]string{`9090"`, `9090", externalURL: "https://p/graph?g0.tab=0"`}, []string{
			`line 3: prometheus.externalURL: "https://p/graph?g0.tab=0" is not an address that links can begin with; write it as https://prometheus.example.com/path`}},
		{[]string{`9090"`, `9090", timeout: 0s, scrapeInterval: 0s`}, []string{
			"line 3: prometheus.timeout: 0s " + duration, "line 3: prometheus.scrapeInterval: 0s " + duration}},
		{inTop("kubernetes: {timeout: 0s}"), []string{"line 4: kubernetes.timeout: 0s " + duration}},
		{inTop("http: {listen: ''}"), []string{`line 4: http.listen: "" is not an address to listen on; write it as 127.0.0.1:4222`}},
		{inTop("http: {listen: 'localhost:http-alt'}"), []string{`line 4: http.listen: "localhost:http-alt" is not an address to listen on; write it as 127.0.0.1:4222`}},
		{inTop("http: {listen: '0.0.0.0:9655', probes: '0.0.0.0:9655'}"), []string{`line 4: http.probes: "0.0.0.0:9655" is taken by http.listen, which is "0.0.0.0:9655"; give each a port of its own`}},
		{inTop("http: {listen: ':4222'}"), []string{`line 1: nats.embedded.listen: "127.0.0.1:4222" is taken by http.listen, which is ":4222"; give each a port of its own`}},
		{inTop("files: {root: ''}"), []string{"line 4: files.root: is empty; name a folder, such as ."}},
		{inTop("log: {level: '', format: xml}"), []string{`line 4: log.level: "" is not a level; use debug, info, warn or error`,
			`line 4: log.format: "xml" is not a format; use auto, json or console`}},
		{inTop("nats: {url: x}"), []string{"line 4: nats.url: is not the address of a NATS server; write it as nats://nats:4222, without a password, and put credentials into nats.credentialsFile"}},
		{inTop("nats: {url: 'nats://a:4222,nats://u:canary@b:4222'}"), []string{"line 4: nats.url: is not the address of a NATS server; write it as nats://nats:4222, without a password, and put credentials into nats.credentialsFile"}},
		{inTop("nats: {replicas: 1}"), []string{"line 4: nats.replicas: needs nats.url: the server inside the daemon keeps everything in one place; remove it, or give nats.url"}},
		{inTop("nats: {url: 'nats://n', replicas: 2}"), []string{"line 4: nats.replicas: is 2; use 1, 3 or 5, and not more than the cluster has servers"}},
		{inTop("nats: {url: 'nats://n', embedded: {users: [{name: a}]}}"), []string{"line 4: nats.embedded.users: have no effect with nats.url: give that server its own users"}},
		{inTop("nats: {embedded: {dataDir: '', users: [{name: A, publish: [{environment: test, namespace: '*'}]}]}}"), []string{
			"line 4: nats.embedded.dataDir: is empty; name a folder, such as .",
			`line 4: nats.embedded.users[0].name: "A" is not a name of its own of lower-case letters, digits and dashes`,
			"line 4: nats.embedded.users[0].passwordFile: is missing; every publisher needs a password",
			`line 4: nats.embedded.users[0].publish[0].environment: "test" is not one of the environments that this daemon watches; use one of ["production"]`,
			`line 4: nats.embedded.users[0].publish[0].namespace: "*" is not a namespace's name; use it as Kubernetes has it`}},
		{[]string{"- name: http", "- name: a b"}, []string{`line 5: policies[0].name: "a b" is not a name; use up to 63 letters, digits, dots, dashes and underscores`}},
		{[]string{"- name: http", "- &p\n  name: http", "\"5..\"}\n", "\"5..\"}\n- *p\n"}, []string{`line 11: policies[1].name: "http" is the name of an earlier policy too; give each its own`}},
		{inPolicy("mode: ''"), []string{`line 6: policies[0].mode: "" is not a mode; use observe, approve or automatic`}},
		{inPolicy("stages: {active: {mode: ''}, enhanced: {mode: auto}}"), []string{
			`line 6: policies[0].stages.active.mode: "" is not a mode; use observe, approve or automatic`,
			`line 6: policies[0].stages.enhanced.mode: "auto" is not a mode; use observe, approve or automatic`}},
		{inPolicy("stages: {active: {interval: 5s}}"), []string{
			"line 6: policies[0].stages.active.interval: 5s is shorter than the scrape interval, 15s, so some ticks would hold nothing; make it at least as long"}},
		{inPolicy("stages: {active: {interval: 0s}, onCall: {until: 10m, interval: 1500ms}}"), []string{
			"line 6: policies[0].stages.active.interval: 0s is not a whole number of seconds; use 5s or more",
			"line 6: policies[0].stages.onCall.until: 10m is not after the end of the stage before it, 15m; make it longer",
			"line 6: policies[0].stages.onCall.interval: 1s500ms is not a whole number of seconds; use 5s or more"}},
		{inPolicy("match: [{workload: '[', namespace: '['}]"), []string{`line 6: policies[0].match[0].namespace: "[" is not a pattern; use a name with * and ?`,
			`line 6: policies[0].match[0].workload: "[" is not a pattern; use a name with * and ?`}},
		{inPolicy("baseline: {window: 0s}"), []string{"line 6: policies[0].baseline.window: 0s " + duration}},
		{inPolicy("knownGood: {minServing: 0s}"), []string{"line 6: policies[0].knownGood.minServing: 0s " + duration}},
		{inPolicy("announceWithin: 0s"), []string{"line 6: policies[0].announceWithin: 0s " + duration}},
		{inPolicy("settleFor: 0s"), []string{"line 6: policies[0].settleFor: 0s " + duration}},
		{inPolicy("verify: {for: 0s}"), []string{"line 6: policies[0].verify.for: 0s " + duration}},
		{inPolicy("verify: {for: 10m}"), []string{"line 6: policies[0].verify.deadline: 10m leaves no time for verify.for, which is 10m; make it longer"}},
		{inPolicy("verify: {guardFor: 1}"), []string{`line 6: policies[0].verify.guardFor: "1" is not a duration; write it as 30s, 5m or 1h30m`}},
		{inPolicy("gitops: fight"), []string{`line 6: policies[0].gitops: "fight" is not what can be done about other owners; use refuse, hold or ignore`}},
		{[]string{least[strings.Index(least, "  signals"):], "  signals: []\n"}, []string{"line 6: policies[0].signals: is empty; a policy judges by at least one signal"}},
	}
}

func wrongSignals() []mistaken {
	const at = "line 8: policies[0].signals[0]."
	const duration = " is not a positive duration; write it as 30s, 5m or 1h30m"
	return []mistaken{
		{[]string{"- name: errors", "- name: ''"}, []string{`line 7: policies[0].signals[0].name: "" is not a name of its own; give every signal of a policy another, such as error-rate`}},
		{inSignal("kind: magic"), []string{at + `kind: "magic" is not a kind of signal; use error-rate, latency, business, rollout or smoke`}},
		{[]string{"    requests: http_requests_total\n", ""}, []string{"line 7: policies[0].signals[0].requests: is missing; name a counter such as http_requests_total"}},
		{[]string{`{code=~"5.."}`, ""}, []string{`line 9: policies[0].signals[0].errors: is the same as requests, so every request would count as failed; select the failed ones, such as {code=~"5.."}`}},
		{inSignal("labels: {namespace: '', pod: ''}"), []string{at + "labels: has neither pod nor workload, so nothing tells the workload's series from others; name one of the two"}},
		{inSignal("scrapeInterval: 0s"), []string{at + "scrapeInterval: 0s" + duration}},
		{inSignal("window: 0s"), []string{at + "window: 0s" + duration}},
		{inSignal("window: 10s"), []string{at + "window: 10s is shorter than the scrape interval, 15s, so most ticks would hold nothing; make it longer"}},
		{inSignal("for: 0s"), []string{at + "for: 0s" + duration}},
		{inSignal("for: 1d"), []string{at + "for: 1d is no shorter than the whole watch, 1d, so the rule could never act; make it shorter"}},
		{inSignal("maxIncrease: {relative: .inf, absolute: 1}"), []string{at + "maxIncrease.relative: +Inf is not a fraction of the baseline; write 10 % as 0.10",
			at + "maxIncrease.absolute: 1 is not a fraction of all requests; write 0.1 percentage points as 0.001"}},
		{inSignal("minRequests: 0"), []string{at + "minRequests: is 0; a rate over no requests proves nothing; use 100 or so"}},
		{inSignal("tolerance: 0\n    slo: 1s"), []string{at + "tolerance: has no effect on a signal of kind error-rate; remove it",
			"line 9: policies[0].signals[0].slo: has no effect on a signal of kind error-rate; remove it"}},
		{inSignal("kind: latency\n    quantile: 95\n    tolerance: .nan\n    unit: 1m"), []string{
			"line 7: policies[0].signals[0].histogram: is missing; name a counter such as http_request_duration_seconds_bucket",
			"line 7: policies[0].signals[0].slo: is missing; name the latency that the quantile should stay below, such as 500ms",
			"line 9: policies[0].signals[0].quantile: 95 is not a fraction between 0 and 1; write the P95 as 0.95",
			"line 10: policies[0].signals[0].tolerance: NaN is not a fraction of the SLO; write 20 % as 0.20",
			"line 11: policies[0].signals[0].unit: 1m is not a unit of histograms; use 1s or 1ms, as the bounds (le) of the series are",
			"line 12: policies[0].signals[0].requests: has no effect on a signal of kind latency; remove it",
			"line 13: policies[0].signals[0].errors: has no effect on a signal of kind latency; remove it"}},
	}
}

// Every mistake is told with its line, its field, what was found and what to do; all of them at once, in line order.
func TestMistakes(t *testing.T) {
	for i, m := range mistakes() {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			_, err := Parse(edited(m.edit...))
			require.Error(t, err, m.says)
			require.Equal(t, strings.Join(m.says, "\n"), err.Error())
		})
	}
}

func TestASelectorThatIsNone(t *testing.T) {
	_, err := Parse(edited("http_requests_total\n", "rate(http_requests_total[5m])\n"))
	require.ErrorContains(t, err, "line 8: policies[0].signals[0].requests: ")
	require.ErrorContains(t, err, "rate(")
}
