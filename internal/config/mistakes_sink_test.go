package config

// inSink is the configuration of one sink.
func inSink(block string) []string { return inTop("notify: {sinks: [{name: x, " + block + "}]}") }

// wrongSinks are sinks that could not work.
func wrongSinks() []mistaken {
	const at = "line 4: notify.sinks[0]."
	const unsafe = "may not hold a user or a password; put secrets into a file that the configuration names"
	return []mistaken{
		{inSink("slack: {channel: C024BE91L, tokenFile: t}, pagerDuty: {routingKeyFile: k}"), []string{
			at + "pagerDuty: is a second kind beside slack; make it a sink of its own"}},
		{inSink("alertmanager: {resend: 1m}"), []string{at + "alertmanager.urls: is empty; name all instances, such as [http://alertmanager-0:9093]"}},
		{inSink("alertmanager: {urls: ['alertmanager:9093', 'http://u:hunter2@am', 'http://am/?x=1'], runbook: wiki, resend: 10ms, " +
			"labels: [{name: a-b, value: x}, {name: severity, value: x}, {name: team}, {name: team, value: b}], severities: {page: x, warn: x}}"), []string{
			at + `alertmanager.urls[0]: "alertmanager:9093" is not a base address; write it as http://alertmanager:9093`,
			at + `alertmanager.urls[1]: ` + unsafe,
			at + `alertmanager.urls[2]: "http://am/?x=1" is not a base address; write it as http://alertmanager:9093`,
			at + `alertmanager.labels[0].name: "a-b" is not a label's name; use letters, digits and underscores`,
			at + `alertmanager.labels[1].name: "severity" is a label that alerts have anyway; choose another name`,
			at + `alertmanager.labels[2].value: is empty; a label without a value is none`,
			at + `alertmanager.labels[3].name: "team" is given twice; keep one`,
			at + `alertmanager.severities: "x" and "x" do not tell a page from a warning; use two values, such as critical and warning`,
			at + `alertmanager.runbook: "wiki" is not an address; write it as https://wiki.example/rollbacks`,
			at + `alertmanager.resend: 10ms is too short; use at least 1s`}},
		{inSink("alertmanager: {urls: ['http://am'], httpClient: {bearer_token: hunter2, basic_auth: {username: u}}}"), []string{
			at + "alertmanager.httpClient: at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"}},
		{inSink("slack: {channel: '#deploys', url: slack}"), []string{
			at + `slack.channel: "#deploys" is not a channel's ID; it begins with C, as C024BE91L, and is at the end of the channel's details in Slack`,
			at + "slack.tokenFile: is missing; name the file that holds the bot's token",
			at + `slack.url: "slack" is not a base address; write it as https://slack.com/api/`}},
		{inSink("slackWebhook: {}"), []string{at + "slackWebhook.urlFile: is missing; name the file that holds the webhook's address"}},
		{inSink("pagerDuty: {url: 'https://k@events'}"), []string{
			at + "pagerDuty.routingKeyFile: is missing; name the file that holds the routing key", at + "pagerDuty.url: " + unsafe}},
		{inSink("grafana: {url: grafana, panelID: 2, tags: ['', a, b, c, d, e], httpClient: {basic_auth: {username: u, password: hunter2}}}"), []string{
			at + `grafana.url: "grafana" is not a base address; write it as http://grafana:3000`,
			at + "grafana.tokenFile: is missing; name the file that holds the service account's token",
			at + "grafana.panelID: is that of no dashboard; give dashboardUID too",
			at + "grafana.tags: are more than 5, and Grafana bounds what all tags of an annotation may have",
			at + `grafana.tags[0]: "" is not a tag; use 1 to 80 characters`,
			at + "grafana.httpClient: authenticates, as tokenFile does; keep one of them: tokenFile"}},
		{inSink("grafana: {url: 'http://g', tokenFile: t, dashboardUID: d, panelID: 99999999999}"), []string{
			at + "grafana.panelID: 99999999999 is not a panel's ID; Grafana shows it in the address of a panel that is viewed"}},
	}
}
