package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/bus"
)

// startDocumented starts a server with the accounts that docs/nats-security.md prints, with rollbackd's streams in it.
func startDocumented(t *testing.T) *stack {
	t.Helper()
	page, err := os.ReadFile("../../docs/nats-security.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "```\naccounts {")
	require.True(t, found)
	accounts, _, found := strings.Cut(rest, "\n```")
	require.True(t, found)
	for _, user := range []string{"ROLLBACKD", "CI_SHOP", "ANA", "FLUX"} {
		t.Setenv(user+"_PASSWORD", strings.ToLower("secret-of-"+user))
	}
	path := filepath.Join(t.TempDir(), "nats.conf")
	text := "listen: 127.0.0.1:-1\njetstream {store_dir: \"" + filepath.ToSlash(t.TempDir()) + "\"}\naccounts {" + accounts
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	options, err := server.ProcessConfigFile(path)
	require.NoError(t, err)
	options.NoSigs, options.NoLog = true, true
	srv, err := server.NewServer(options)
	require.NoError(t, err)
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	require.True(t, srv.ReadyForConnections(patience))

	nc, err := nats.Connect(srv.ClientURL(), nats.Timeout(patience), nats.UserInfo("rollbackd", "secret-of-rollbackd"))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	s := &stack{env: map[string]string{"ROLLBACKD_NATS": srv.ClientURL()}}
	s.bus, err = bus.Open(t.Context(), nc, bus.Options{Instance: "production", Environments: []string{"production"}})
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	s.stream, err = js.Stream(t.Context(), bus.DeploymentsStream)
	require.NoError(t, err)
	return s
}

func TestDocumentedAccountsLetEachUserDoItsOwn(t *testing.T) {
	s := startDocumented(t)
	s.env["ROLLBACKD_NATS_USER"], s.env["ROLLBACKD_NATS_PASSWORD"] = "ci-shop", "secret-of-ci_shop"
	code, out, problems := s.run(t, "emit", "--env", "production", "--namespace", "shop", "--workload", "checkout", "--version", "v1")
	require.Equal(t, exitDone, code, problems)
	require.Contains(t, out, "stored on deployments.production.shop.checkout")
	code, _, problems = s.run(t, "emit", "--env", "production", "--namespace", "pay", "--workload", "checkout", "--version", "v1")
	require.Equal(t, exitRefused, code, problems)
	require.Contains(t, problems, "Permissions Violation")
}

func TestDocumentedAccountsKeepUsersFromWhatIsNotTheirs(t *testing.T) {
	s := startDocumented(t)
	for user, test := range map[string]struct {
		password          string
		may, mayNot       []string
		readNot, readable string
	}{
		"ci-shop": {"secret-of-ci_shop", []string{"deployments.production.shop.a"},
			[]string{"deployments.staging.shop.a", "$JS.API.STREAM.NAMES", "$KV.rollbackd-watches-production.x", "rollbackd.ctl.ci-shop.approve.production.shop.a", "rollbackd.journal.production.x"},
			"_INBOX_ana.>", "rollbackd.rejected.production.shop.>"},
		"ana": {"secret-of-ana", []string{"rollbackd.ctl.ana.approve.production.shop.a"},
			[]string{"rollbackd.ctl.bob.approve.production.shop.a", "rollbackd.ctl.ana.approve.production.pay.a", "deployments.production.shop.a"},
			"rollbackd.ctl.>", "_INBOX_ana.x"},
		"flux": {"secret-of-flux", []string{"flux.production"}, []string{"flux.staging", "deployments.production.shop.a"},
			"rollbackd.rejected.>", "rollbackd.rejected.source.flux"},
	} {
		t.Run(user, func(t *testing.T) {
			nc, err := nats.Connect(s.env["ROLLBACKD_NATS"], nats.Timeout(patience), nats.UserInfo(user, test.password), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
			require.NoError(t, err)
			defer nc.Close()
			for _, subject := range test.may {
				require.NoError(t, nc.Publish(subject, nil))
			}
			_, err = nc.SubscribeSync(test.readable)
			require.NoError(t, err)
			require.NoError(t, nc.Flush())
			require.NoError(t, nc.LastError())
			for _, subject := range test.mayNot {
				require.NoError(t, nc.Publish(subject, nil))
				require.NoError(t, nc.Flush())
				require.ErrorContains(t, nc.LastError(), subject)
			}
			_, err = nc.SubscribeSync(test.readNot)
			require.NoError(t, err)
			require.NoError(t, nc.Flush())
			require.ErrorContains(t, nc.LastError(), test.readNot)
		})
	}
}
