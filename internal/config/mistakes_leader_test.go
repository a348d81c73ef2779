package config

// wrongLeaderElection are elections that could not work.
func wrongLeaderElection() []mistaken {
	return []mistaken{
		{inTop("leaderElection: {enabled: true}"), []string{"line 4: leaderElection.enabled: true needs nats.url: the embedded NATS keeps everything in one replica, " +
			"so that another one that took over would know of no watch; run a NATS of your own, or one replica"}},
		{inTop("leaderElection: {namespace: 'a.b', name: A}"), []string{
			`line 4: leaderElection.namespace: "a.b" is not a namespace's name; use it as Kubernetes has it`,
			`line 4: leaderElection.name: "A" is not a Lease's name; use lower-case letters, digits, dashes and dots`}},
		{inTop("leaderElection: {leaseDuration: 10s, renewDeadline: 10s}"), []string{
			"line 4: leaderElection.leaseDuration: 10s is not longer than renewDeadline, which is 10s: another replica would take over while the leader still acts; make it longer"}},
		{inTop("leaderElection: {leaseDuration: 1500ms, renewDeadline: 1200ms, retryPeriod: 1s}"), []string{
			"line 4: leaderElection.renewDeadline: 1s200ms leaves no time to try again; make it longer than 1.2 times retryPeriod, which is 1s",
			"line 4: leaderElection.leaseDuration: 1s500ms is not a whole number of seconds, which is all that a Lease can hold; write it as 15s"}},
		{inTop("leaderElection: {retryPeriod: 0s}"), []string{"line 4: leaderElection.retryPeriod: 0s is not a positive duration; write it as 30s, 5m or 1h30m"}},
	}
}
