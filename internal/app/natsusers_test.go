package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/rollbackd/rollbackd/internal/config"
)

const withUsers = `instance: test
environments: [production]
prometheus: {url: "http://127.0.0.1:9090"}
nats:
  embedded:
    dataDir: %dir/data
    listen: 127.0.0.1:0
    users:
    - {name: ci, passwordFile: ci}
    - {name: cd, passwordFile: cd}
policies: [{name: all, signals: [{name: errors, requests: r, errors: e}]}]
`

// TestUsersOfTheEmbeddedServerFollowTheirFiles: a password that is replaced in its file, and another list of users, take effect while the daemon runs; a file that
// cannot be used leaves all as they are, and is told without showing what others hold.
func TestUsersOfTheEmbeddedServerFollowTheirFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("ci", "ci-1\n")
	write("cd", "cd-1\n")
	write("new", "new-1\n")
	load := func(text string) *config.Config {
		write("rollbackd.yaml", strings.ReplaceAll(text, "%dir", dir))
		cfg, err := config.Load(filepath.Join(dir, "rollbackd.yaml"))
		require.NoError(t, err)
		return cfg
	}
	first := load(withUsers)
	core, logs := observer.New(zap.InfoLevel)
	own, users, disconnect, err := connectNATS(t.Context(), first, zap.New(core))
	require.NoError(t, err)
	defer disconnect()
	address := logs.FilterMessage("publishers connect to the embedded NATS").All()[0].ContextMap()["nats"].(string)
	dial := func(user, password string) (*nats.Conn, error) {
		nc, err := nats.Connect(address, nats.Timeout(patient), nats.UserInfo(user, password), nats.NoReconnect())
		if err == nil {
			t.Cleanup(nc.Close)
		}
		return nc, err
	}
	eventually := func(what string, condition func() bool) {
		t.Helper()
		require.Eventually(t, condition, 60*time.Second, 20*time.Millisecond, what)
	}
	ci, err := dial("ci", "ci-1")
	require.NoError(t, err)
	cd, err := dial("cd", "cd-1")
	require.NoError(t, err)

	write("ci", "ci-2\n")
	eventually("the old connection is ended", ci.IsClosed)
	_, err = dial("ci", "ci-1")
	require.ErrorIs(t, err, nats.ErrAuthorization)
	_, err = dial("ci", "ci-2")
	require.NoError(t, err)

	write("cd", "")
	eventually("the broken file is told", func() bool { return logs.FilterMessageSnippet("cannot be used").Len() == 1 })
	told := logs.FilterMessageSnippet("cannot be used").All()[0].ContextMap()["error"].(string)
	require.Contains(t, told, `the password of "cd": `+filepath.Join(dir, "cd")+" is empty")
	require.NotContains(t, told, "ci-2")
	_, err = dial("cd", "cd-1")
	require.NoError(t, err, "it is kept until the file can be used")

	write("cd", "cd-1\n")
	users(load(strings.Replace(withUsers, "{name: ci, passwordFile: ci}", "{name: new, passwordFile: new}", 1)))
	_, err = dial("ci", "ci-2")
	require.ErrorIs(t, err, nats.ErrAuthorization)
	_, err = dial("new", "new-1")
	require.NoError(t, err)
	write("new", "new-2\n")
	eventually("the file of the other user is watched", func() bool { _, err := dial("new", "new-2"); return err == nil })
	require.True(t, cd.IsConnected(), "whose password has not changed is still connected")
	require.True(t, own.IsConnected())
	require.Zero(t, own.Reconnects)
}
