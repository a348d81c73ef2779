package config

// signalOf returns an edit that puts another signal in the place of the one there is.
func signalOf(lines string) []string {
	return []string{"    requests: http_requests_total\n    errors: http_requests_total{code=~\"5..\"}\n", lines}
}

// wrongHealth are signals of rollouts and smoke tests that cannot work.
func wrongHealth() []mistaken {
	const at = "policies[0].signals[0]."
	const duration = " is not a positive duration; write it as 30s, 5m or 1h30m"
	smoke := func(rest string) []string { return signalOf("    kind: smoke\n    " + rest + "\n") }
	check := func(rest string) []string { return smoke("http: [{url: \"http://shop/\", " + rest + "}]") }
	return []mistaken{
		{signalOf("    kind: rollout\n    failing: 0s\n    notReady: 0s\n"), []string{"line 9: " + at + "failing: 0s" + duration, "line 10: " + at + "notReady: 0s" + duration}},
		{inSignal("failing: 1m"), []string{"line 8: " + at + "failing: has no effect on a signal of kind error-rate; remove it"}},
		{inSignal("every: 1m"), []string{"line 8: " + at + "every: has no effect on a signal of kind error-rate; remove it"}},
		{smoke("every: 1m"), []string{"line 7: " + at + `http: has 0 checks; give 1 to 20, such as {url: "http://{workload}.{namespace}.svc/healthz"}, or a job instead`}},
		{check("method: FETCH"), []string{"line 9: " + at + `http[0].method: "FETCH" is not a method; use one of ["GET" "HEAD" "OPTIONS" "POST" "PUT" "PATCH" "DELETE"]`}},
		{check("status: 42"), []string{"line 9: " + at + "http[0].status: 42 is not the status of an answer; use 200 to 599"}},
		{check("body: '('"), []string{"line 9: " + at + "http[0].body: error parsing regexp: missing closing ): `(`; write a regular expression as Go and RE2 know it"}},
		{check("timeout: 2m"), []string{"line 9: " + at + "http[0].timeout: 2m holds a round for longer than a user would wait; use at most 1m"}},
		{check("latency: 5s"), []string{"line 9: " + at + "http[0].latency: 5s is not within the timeout, 5s; make it shorter"}},
		{smoke("http: [{url: ftp://shop}]"), []string{"line 9: " + at + `http[0].url: "ftp://shop" is not an address of a web server; write it as http://{workload}.{namespace}.svc/healthz`}},
		{smoke("http: [{url: http://shop}]\n    attempts: 0\n    failures: 0\n    every: 0s\n    for: 5m"), []string{
			"line 10: " + at + "attempts: 0 is not a number of attempts; use 1 to 10", "line 11: " + at + "failures: 0 is not a number of rounds; use 1 to 1000, such as 3",
			"line 12: " + at + "every: 0s" + duration, "line 13: " + at + "for: has no effect on a signal of kind smoke; remove it"}},
		{smoke("http: [{url: http://shop}]\n    every: 1h\n    failures: 24"), []string{"line 11: " + at + "failures: 24 rounds, 1h apart, are no shorter than the whole watch, 1d; use fewer"}},
	}
}
