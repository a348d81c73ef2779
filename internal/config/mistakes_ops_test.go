package config

// wrongOperation are keys about running the daemon that could not work.
func wrongOperation() []mistaken {
	const unused = " has no effect without nats.url: the daemon needs none of it for the server inside it; remove it, or give nats.url"
	return []mistaken{
		{inTop("nats: {url: 'nats://n', tokenFile: a, seedFile: b}"), []string{"line 4: nats.tokenFile: is a second way to log in beside nats.seedFile; keep one"}},
		{inTop("nats: {url: 'nats://n', credentialsFile: a, user: b, passwordFile: c}"), []string{"line 4: nats.user: is a second way to log in beside nats.credentialsFile; keep one"}},
		{inTop("nats: {url: 'nats://n', user: a}"), []string{"line 4: nats.passwordFile: is missing; name the file that holds the password of nats.user"}},
		{inTop("nats: {url: 'nats://n', passwordFile: a}"), []string{"line 4: nats.passwordFile: needs nats.user, whose password it holds"}},
		{inTop("nats: {url: 'nats://n', tls: {certFile: a}}"), []string{"line 4: nats.tls.keyFile: is missing; name the file that holds the key of nats.tls.certFile"}},
		{inTop("nats: {url: 'nats://n', tls: {keyFile: a}}"), []string{"line 4: nats.tls.certFile: is missing; name the file that holds the certificate of nats.tls.keyFile"}},
		{inTop("nats: {tokenFile: a, tls: {caFile: b}}"), []string{"line 4: nats.tokenFile:" + unused, "line 4: nats.tls:" + unused}},
		{inTop("reload: {every: 1ms}"), []string{"line 4: reload.every: 1ms is less than a second; use 1s or more, or 0s to look never"}},
	}
}
