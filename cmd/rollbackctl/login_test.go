package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/natsauth"
	"github.com/rollbackd/rollbackd/internal/natstest"
)

// storing has whoever logs in answer events as a stream does.
func storing(t *testing.T, c natsauth.Credentials, url string) {
	t.Helper()
	nc, err := c.Connect(url, nats.NoReconnect(), nats.Timeout(patience))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	_, err = nc.Subscribe("deployments.>", func(m *nats.Msg) { _ = m.Respond([]byte(`{"stream":"DEPLOYMENTS","seq":7}`)) })
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
}

// given are the settings of a login as a person gives them.
func given(c natsauth.Credentials) (flags []string, environment map[string]string) {
	environment = map[string]string{}
	for _, t := range (&login{Credentials: c}).texts() {
		if *t.to != "" {
			flags = append(flags, "--"+t.flag, *t.to)
			environment[t.variable] = *t.to
		}
	}
	return flags, environment
}

// Each way in which the daemon logs in is one in which a person and a pipeline do, by flags or by the environment; what was replaced is refused.
func TestRollbackctlLogsInAsTheDaemonDoes(t *testing.T) {
	for name, way := range natstest.Logins() {
		t.Run(name, func(t *testing.T) {
			l := way(t, t.TempDir())
			l.Replace(t)
			srv := natstest.Serve(t, l, &server.Options{Port: server.RANDOM_PORT})
			storing(t, l.Credentials, srv.ClientURL())
			flags, environment := given(l.Credentials)
			emit := emitting("--nats", srv.ClientURL(), "--version", "v1")

			s := &stack{}
			code, out, problems := s.run(t, append(emit, flags...)...)
			require.Equal(t, exitDone, code, problems)
			require.Contains(t, out, "DEPLOYMENTS 7")
			s.env = environment
			code, _, problems = s.run(t, emit...)
			require.Equal(t, exitDone, code, problems)

			code, _, problems = (&stack{}).run(t, emit...)
			require.Equal(t, exitUsage, code, "without any it is refused")
			require.NotContains(t, problems, "that the server runs", "which it does")

			aged, _ := given(l.Aged(t))
			l.Replace(t)
			srv = natstest.Serve(t, l, &server.Options{Port: server.RANDOM_PORT})
			emit = emitting("--nats", srv.ClientURL(), "--version", "v1")
			code, _, problems = s.run(t, append(emit, aged...)...)
			require.Equal(t, exitUsage, code)
			require.NotContains(t, problems, "that the server runs")
			storing(t, l.Credentials, srv.ClientURL())
			code, _, problems = s.run(t, append(emit, flags...)...)
			require.Equal(t, exitDone, code, problems)
		})
	}
}

// A server that speaks TLS before anything else is reached by those who are told so.
func TestRollbackctlSpeaksTLSFirst(t *testing.T) {
	l := natstest.Logins()["certificate"](t, t.TempDir())
	l.Replace(t)
	srv := natstest.Serve(t, l, &server.Options{Port: server.RANDOM_PORT, TLSHandshakeFirst: true})
	first := l.Credentials
	first.HandshakeFirst = true
	storing(t, first, srv.ClientURL())
	_, environment := given(l.Credentials)
	environment[firstVariable] = strconv.FormatBool(true)
	s := &stack{env: environment}
	code, _, problems := s.run(t, emitting("--nats", srv.ClientURL(), "--version", "v1")...)
	require.Equal(t, exitDone, code, problems)
	environment[firstVariable] = "perhaps"
	code, _, problems = s.run(t, emitting("--nats", srv.ClientURL(), "--version", "v1")...)
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, `$ROLLBACKD_NATS_TLS_FIRST is "perhaps"; it should be true or false`)
}

// What does not go together is said before anybody is asked, and nothing of what the files hold is shown.
func TestMistakesOfALogin(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("canary-4f1c"), 0o600))
	for name, tc := range map[string]struct {
		args    []string
		env     map[string]string
		problem string
	}{
		"two ways":                      {[]string{"--seed-file", secret, "--token-file", secret}, nil, "--seed-file and --token-file are two ways to log in"},
		"two ways in the environment":   {nil, map[string]string{"ROLLBACKD_NATS_CREDS": secret, "ROLLBACKD_NATS_TOKEN_FILE": secret}, "--creds and --token-file are two ways"},
		"a flag instead of another way": {[]string{"--seed-file", "/does/not/exist"}, map[string]string{"ROLLBACKD_NATS_USER": "ci", "ROLLBACKD_NATS_PASSWORD_FILE": secret}, "unable to log in to NATS: open /does/not/exist"},
		"a password of nobody":          {[]string{"--password-file", secret}, nil, "--password-file holds whose password?"},
		"a certificate without a key":   {[]string{"--cert", secret}, nil, "--cert needs --key"},
		"a key without a certificate":   {[]string{"--key", secret}, nil, "--key needs --cert"},
		"no seed":                       {[]string{"--seed-file", secret}, nil, "holds no seed of an nkey; make one with nk -gen user"},
		"no credentials":                {[]string{"--creds", secret}, nil, "holds no seed of a user"},
		"no certificate":                {[]string{"--cert", secret, "--key", secret}, nil, "the certificate in " + secret},
		"no authority":                  {[]string{"--ca", secret}, nil, "holds no certificate in PEM form"},
		"no token":                      {[]string{"--token-file", os.DevNull}, nil, os.DevNull + " is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &stack{env: tc.env}
			code, out, problems := s.run(t, emitting(append(tc.args, "--version", "v1", "--nats", "nats://127.0.0.1:1")...)...)
			require.Equal(t, exitUsage, code)
			require.Empty(t, out)
			require.Contains(t, problems, tc.problem)
			require.NotContains(t, problems, "canary-4f1c")
		})
	}
}

// Who logs in without a name of NATS gets answers in the inbox of the name that the person acts under.
func TestInboxOfAPerson(t *testing.T) {
	for _, tc := range []struct {
		c    connection
		want string
	}{
		{connection{as: "ana"}, "_INBOX_ana"},
		{connection{as: "ana", login: login{Credentials: natsauth.Credentials{User: "ops"}}}, "_INBOX_ops"},
		{connection{as: "ana", url: "nats://ops@host"}, "_INBOX_ops"},
		{connection{as: "ana", inbox: "_INBOX"}, "_INBOX"},
		{connection{}, ""},
	} {
		require.Equal(t, tc.want, tc.c.inboxPrefix())
	}
}
