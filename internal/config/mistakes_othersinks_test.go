package config

// wrongOtherSinks are receivers of other protocols that could not be told anything.
func wrongOtherSinks() []mistaken {
	const at = "line 4: notify.sinks[0]."
	mail := func(more string) []string {
		return inSink(`smtp: {server: "mail.example.com:587", from: a@example.com, ` + more + `}`)
	}
	return []mistaken{
		{inSink("smtp: {}"), []string{
			at + `smtp.server: "" is not the address of a mail server; write it as mail.example.com:587`,
			at + `smtp.from: "" is not an e-mail address; write it as rollbackd <rollbackd@example.com>`}},
		{mail("to: [on-call], tls: ssl, hello: 'a b'"), []string{
			at + `smtp.tls: "ssl" is not a way to encrypt; use one of required, opportunistic, implicit, off`,
			at + `smtp.to[0]: "on-call" is not an e-mail address; write it as on-call@example.com`,
			at + `smtp.hello: "a b" is not a host's name; use the one that the mail server knows this machine by`}},
		{mail("username: u"), []string{at + "smtp.username: and passwordFile go together; give both, or neither where the server needs no password"}},
		{mail("username: u, passwordFile: p, tls: off"), []string{at + "smtp.tls: off would show the password to the network; use required or implicit"}},
		{inSink("kubernetesEvents: {namespace: x}"), []string{at + `kubernetesEvents.namespace: unknown key "namespace"; check its spelling, and by the indentation what it belongs to`}},
		{inSink(`webhook: {url: "ftp://u:canary@x", secretFiles: [a, "", c]}`), []string{
			at + "webhook.url: is not the address of a web server, without a user or a password; write it as https://bridge.example.com/rollbackd",
			at + "webhook.secretFiles: are 3; use one, or 2 while the receiver changes over",
			at + "webhook.secretFiles[1]: is missing; name the file that holds a secret"}},
		{inSink(`webhook: {url: "https://x", httpClient: {basic_auth: {username: u, password: canary, password_file: p}}}`), []string{
			at + "webhook.httpClient: at most one of basic_auth password, password_file & password_ref must be configured"}},
		{inSink(`cdevents: {subject: "a.*", source: "a b", specVersion: 0.3, mode: batch}`), []string{
			at + `cdevents.subject: "a.*" is not a subject to publish on; write it as delivery.{environment}.{namespace}.{workload}`,
			at + `cdevents.source: "a b" is not a URI reference; write it as /rollbackd/production-eu`,
			at + `cdevents.specVersion: "0.3" is not a version of CDEvents that is known here; use one of 0.4, 0.5`,
			at + `cdevents.mode: "batch" is not a mode; use one of binary, structured`}},
		{inTop("sources: [{name: ci, subject: ci.*.deployed, format: cdevents, environment: production, namespaces: [shop]}]\n" +
			`notify: {sinks: [{name: x, cdevents: {subject: "ci.{environment}-eu.{workload}"}}, {name: y, cdevents: {subject: "ci.{namespace}.done"}}]}`), []string{
			`line 5: notify.sinks[0].cdevents.subject: "ci.{environment}-eu.{workload}" has messages in common with "ci.*.deployed" of source ci, whose publishers could forge them; use another subject`}},
		{inSink(`cdevents: {mode: []}`), []string{at + "cdevents.mode: is a list; it must be text"}},
		{inSink("shoutrrr: {}"), []string{at + "shoutrrr.urlFile: is missing; name the file that holds the service's URL"}},
		{inSink(`shoutrrr: {url: "ntfy://x"}`), []string{at + `shoutrrr.url: unknown key "url"; check its spelling, and by the indentation what it belongs to`}},
		{inSink("log: {}, shoutrrr: {urlFile: x}"), []string{at + "shoutrrr: is a second kind beside log; make it a sink of its own"}},
	}
}
