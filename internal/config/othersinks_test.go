package config

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"k8s.io/client-go/rest"
)

func TestSubjectsOfCDEvents(t *testing.T) {
	for subject, want := range map[string]string{
		"rollbackd.cdevents.{environment}.{namespace}.{workload}": "",
		"delivery.{environment}":                                  "",
		"events":                                                  "",
		"rollbackd.cdevents.x":                                    "",
		"":                                                        "publish",
		"a..b":                                                    "publish",
		"a.>":                                                     "publish",
		"a b":                                                     "publish",
		"a.{cluster}":                                             "publish",
		"deployments.production.shop.checkout":                    "taken",
		"{environment}.x":                                         "taken",
		"$JS.API.x":                                               "taken",
		"_INBOX.x":                                                "taken",
		"_INBOX_ci.x":                                             "taken",
		"rollbackd.ctl.x":                                         "taken",
		"rollbackd.rejected.x":                                    "taken",
		"rollbackd.cdevents":                                      "taken",
		"rollbackd.cdeventsx.y":                                   "taken",
	} {
		got := ""
		switch {
		case !publishable(subject):
			got = "publish"
		case taken(subject):
			got = "taken"
		}
		if got != want {
			t.Errorf("%q is %q, want %q", subject, got, want)
		}
	}
}

func TestWebhookClientIsNotShown(t *testing.T) {
	for _, client := range []string{"{bearer_token: [canary]}", "canary", "{basic_auth: {password: {x: canary}}}"} {
		_, err := Parse([]byte(edited(inTop(`notify: {sinks: [{name: x, webhook: {url: "https://x", httpClient: ` + client + `}}]}`)...)))
		require.ErrorContains(t, err, "notify.sinks[0].webhook.httpClient")
		require.ErrorContains(t, err, "it must be what Prometheus' own HTTP client configuration has there")
		require.NotContains(t, err.Error(), "canary")
	}
}

// The sinks are made once their files are there; until then the error names which is missing, and later which cannot be right.
func TestOtherSinksAreMade(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rollbackd.yaml")
	require.NoError(t, os.WriteFile(path, edited(inTop(`notify:
  sinks:
  - {name: mail, smtp: {server: "mail.example.com:587", caFile: ca.pem, username: u, passwordFile: mail, from: a@example.com}}
  - {name: relay, smtp: {server: "127.0.0.1:25", tls: off, from: a@example.com, to: [b@example.com]}}
  - {name: cluster, kubernetesEvents: {}}
  - {name: bridge, webhook: {url: "https://bridge.example.com/in", secretFiles: [a, b]}}
  - {name: open, webhook: {url: "https://bridge.example.com/in?token=x", httpClient: {follow_redirects: false}}}
  - {name: documents, cdevents: {specVersion: 0.4}}
  - {name: others, shoutrrr: {urlFile: others}}`)...), 0o600))
	tools := SinkTools{Log: zap.NewNop(), NATS: new(nats.Conn), Kubernetes: func() (*rest.Config, error) { return &rest.Config{Host: "http://127.0.0.1:1"}, nil }}
	for _, s := range []struct{ file, content, wrong, problem string }{
		{"ca.pem", certificate, "canary", "notify.sinks[0] (mail): caFile: "},
		{"mail", "canary", "", "notify.sinks[0] (mail): passwordFile: "},
		{"a", "cGxhbnRlZC1zZWNyZXQtMDEyMzQ1Njc4OWFiY2RlZg==", "canary!", "notify.sinks[3] (bridge): secretFiles[0]: "},
		{"b", "whsec_cGxhbnRlZC1zZWNyZXQtMDEyMzQ1Njc4OWFiY2RlZg==", "Y2FuYXJ5", "notify.sinks[3] (bridge): secretFiles[1]: "},
		{"others", "ntfy://:canary@ntfy.example.com/topic", "canary://canary", "notify.sinks[6] (others): urlFile: "},
	} {
		for _, content := range []string{"", s.wrong} {
			if content != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, s.file), []byte(content), 0o600))
			}
			c, err := Load(path)
			require.NoError(t, err)
			_, err = c.Receivers(tools)
			require.ErrorContains(t, err, s.problem)
			require.NotContains(t, err.Error(), "canary")
			require.NotContains(t, err.Error(), "Y2FuYXJ5")
		}
		late := tools
		late.Late = true
		c, err := Load(path)
		require.NoError(t, err)
		made, err := c.Receivers(late)
		require.NoError(t, err, "a daemon starts without a sink's secret")
		require.Len(t, made, 7)
		require.NoError(t, os.WriteFile(filepath.Join(dir, s.file), []byte(s.content), 0o600))
	}
	c, err := Load(path)
	require.NoError(t, err)
	made, err := c.Receivers(tools)
	require.NoError(t, err)
	require.Len(t, made, 7)
	for i, r := range made {
		require.Equal(t, c.Notify.Sinks[i].Name, r.Sink.Name())
	}
}

// E-mail that would be for nobody is said before there is any.
func TestMailForNobody(t *testing.T) {
	const warning = "line 6: notify.sinks[0].smtp: has no to, and a route leads to it that names no roles, so the e-mail of that route is for nobody; give either"
	for name, c := range map[string]struct {
		smtp, routes string
		warned       bool
	}{
		"neither":               {"", "", true},
		"a route without roles": {"", "  routes: [{sinks: [mail], to: [on-call]}, {sinks: [mail]}]\n", true},
		"roles":                 {"", "  routes: [{sinks: [mail], to: [on-call]}]\n", false},
		"addresses":             {", to: [a@example.com]", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := Parse(edited(inTop("notify:\n  sinks:\n  - {name: mail, smtp: {server: \"m:25\", from: a@example.com" + c.smtp + "}}\n" + c.routes)...))
			require.NoError(t, err)
			var got []string
			for _, w := range config.Warnings() {
				got = append(got, w.String())
			}
			require.Equal(t, c.warned, slices.Contains(got, warning), got)
		})
	}
}

// certificate is one that nothing is signed by.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUH741NIJM7SoiKJ/revWzXAdqYlEwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOcm9sbGJhY2tkLXRlc3QwIBcNMjYxMTI2MDU0NDM1WhgPMjEy
NjExMDIwNTQ0MzVaMBkxFzAVBgNVBAMMDnJvbGxiYWNrZC10ZXN0MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEXqsBTStac2JDaaAx4ktvs7ZObg2PqRHgPIOS1Iom
cD+0MuyBJ/HnjKAiG9Fvivht2WzarhvbnRyzw7MST25+u6NTMFEwHQYDVR0OBBYE
FKyyYl4zGYcuth5c6m0gR8Om7CPWMB8GA1UdIwQYMBaAFKyyYl4zGYcuth5c6m0g
R8Om7CPWMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgYAr3fmBX
v95ciAM8sxRGqom0xw3HK/WJR9YBLHBGKWQCIQCPAC918kF5vDEC+7kTsCpXn310
ybwZ12PcPQ+q1+Vv8g==
-----END CERTIFICATE-----
`
