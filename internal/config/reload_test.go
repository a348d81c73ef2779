package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/rollback"
)

// Of a configuration that is read while another runs, what cannot change stays as it is and is named; the rest holds.
func TestOver(t *testing.T) {
	for _, c := range []struct {
		name    string
		edit    []string
		waiting []string
		holds   func(t *testing.T, c *Config)
	}{
		{"nothing", nil, nil, nil},
		{"a policy", []string{"- name: http", "- name: web"}, nil, func(t *testing.T, c *Config) { require.Equal(t, "web", c.WatchPolicies()[0].Name) }},
		{"prometheus", []string{"http://p:9090", "http://q:9090"}, nil, func(t *testing.T, c *Config) { require.Equal(t, "http://q:9090", c.Prometheus.URL) }},
		{"the log's level", inTop("log: {level: debug}"), nil, func(t *testing.T, c *Config) { require.Equal(t, "debug", c.Log.Level) }},
		{"freezes, budgets, drills, reviews and who is told", inTop("freeze: [{name: w, days: [fri], from: '18:00', to: '08:00', timezone: UTC}]\n" +
			"budgets: {cluster: {rollbacks: 3, within: 1h}}\ndrills: {page: true}\npostmortems: {within: 3d}\nnotify: {giveUpAfter: 1h}"), nil,
			func(t *testing.T, c *Config) {
				require.Len(t, c.Freezes(), 1)
				require.Equal(t, 3, c.WatchBudgets().Cluster.Rollbacks)
				require.True(t, c.WatchPolicies()[0].PageDrills)
			}},
		{"the instance", []string{"instance: prod", "instance: other"}, []string{"instance"}, func(t *testing.T, c *Config) { require.Equal(t, "prod", c.Instance) }},
		{"where it looks and what it is let do", inTop("kubernetes: {namespaces: [shop, pay], features: [statefulSets], readOnly: true, timeout: 3s}"), []string{"kubernetes.timeout"}, func(t *testing.T, c *Config) {
			require.Equal(t, []string{"shop", "pay"}, c.Access().Namespaces)
			require.True(t, c.Access().ReadOnly)
			require.Equal(t, []rollback.Kind{rollback.KindStatefulSet}, c.WatchedKinds())
			require.Equal(t, 10*time.Second, time.Duration(c.Kubernetes.Timeout))
		}},
		{"who may connect to the server inside", inTop("nats: {embedded: {dataDir: other, users: [{name: ci, passwordFile: p}]}}"), []string{"nats.embedded.dataDir"}, func(t *testing.T, c *Config) {
			require.Len(t, c.NATS.Embedded.Users, 1)
			require.Equal(t, "data", c.NATS.Embedded.DataDir)
		}},
		{"environments", []string{"[production]", "[production, staging]"}, []string{"environments"}, func(t *testing.T, c *Config) { require.Equal(t, []string{"production"}, c.Environments) }},
		{"much", inTop("nats: {url: 'nats://n', tls: {serverName: m}}\nhttp: {listen: ':1', admin: true}\nlog: {level: warn, format: json}\nfiles: {root: x}\n" +
			"kubernetes: {timeout: 3s}\nsources: [{name: s, subject: a.b, format: native, environment: production, namespaces: [shop]}]\nreload: {every: 1m}\ndiagnosis: {enabled: false}"),
			[]string{"nats.url", "nats.tls.serverName", "kubernetes.timeout", "http.listen", "http.admin", "files.root", "log.format", "diagnosis.enabled", "sources", "reload.every"},
			func(t *testing.T, c *Config) {
				require.Equal(t, "127.0.0.1:9654", c.HTTP.Listen)
				require.Equal(t, "warn", c.Log.Level)
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			running, err := Parse([]byte(least))
			require.NoError(t, err)
			next, err := Parse(edited(c.edit...))
			require.NoError(t, err)
			holds, waiting := next.Over(running)
			require.Equal(t, c.waiting, waiting)
			if c.holds != nil {
				c.holds(t, holds)
			}
			_, again := holds.Over(running)
			require.Empty(t, again)
		})
	}
}

// A web configuration is tried before the daemon starts, and what nobody could pass is refused.
func TestWebConfig(t *testing.T) {
	dir := t.TempDir()
	in := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	token := in("token", "secret\n")
	users := in("users.yaml", "basic_auth_users: {ana: $2a$10$vWuqhTJi6H/Rbk1n2Wk3GOk0DKUc1aHC2dmi4IdMyyYNMkQkJ.YFa}\n")
	headers := in("headers.yaml", "http_server_config: {headers: {X-Frame-Options: deny}}\n")
	for _, c := range []struct {
		name, says string
		http       HTTP
	}{
		{"neither", "", HTTP{}},
		{"a token", "", HTTP{TokenFile: token}},
		{"users", "", HTTP{WebConfig: users}},
		{"a token and headers", "", HTTP{TokenFile: token, WebConfig: headers}},
		{"a token and users", "http.tokenFile: " + users + " has basic_auth_users, and no request can show both; remove one of the two", HTTP{TokenFile: token, WebConfig: users}},
		{"a key that is unknown", "http.webConfig: ", HTTP{WebConfig: in("odd.yaml", "tls: x\n")}},
		{"no file", "http.webConfig: ", HTTP{WebConfig: filepath.Join(dir, "absent")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.http.WebConfigError()
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
		})
	}
	require.ErrorContains(t, HTTP{TokenFile: in("empty", "\n")}.TokenError(), "http.tokenFile: ")
	require.NoError(t, HTTP{TokenFile: token}.TokenError())
	text, err := HTTP{TokenFile: token}.Token()()
	require.NoError(t, err)
	require.Equal(t, "secret", text)
	require.Nil(t, HTTP{}.Token())
}

func FuzzParseContacts(f *testing.F) {
	for _, seed := range []string{
		"", "roles:\n- roles: {on-call: [{slack: S0614TZR7}]}\n", "people: {ana: {email: ana@example.com}}\nroles: [{match: [{namespace: '['}], roles: {approver: [{person: ana}]}}]",
		"people: &p {a: {person: a}}\nroles: [*p]", "people: {? [x] : {slack: U1}}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseContacts(data)
		if err != nil {
			if strings.Contains(err.Error(), "config.") && !strings.Contains(string(data), "config.") {
				t.Fatalf("speaks of Go types: %v", err)
			}
			return
		}
		for _, p := range c.People {
			if p.Slack+p.Email == "" || strings.ContainsAny(p.Slack+p.Email, "\r\n") {
				t.Fatalf("accepted somebody who cannot be reached, or whose address could be more than that: %+v", p)
			}
		}
	})
}
