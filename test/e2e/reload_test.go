package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// edit replaces text of the daemon's configuration file, as an operator's editor does: by a new file in its place.
func (d *daemon) edit(pairs ...string) {
	d.t.Helper()
	text, err := os.ReadFile(d.configPath())
	require.NoError(d.t, err)
	for i := 0; i < len(pairs); i += 2 {
		require.Contains(d.t, string(text), pairs[i])
	}
	next := filepath.Join(d.Dir, "next.yaml")
	require.NoError(d.t, os.WriteFile(next, []byte(strings.NewReplacer(pairs...).Replace(string(text))), 0o600))
	require.NoError(d.t, os.Rename(next, d.configPath()))
}

// awaitMetric waits until the metrics show a line.
func (d *daemon) awaitMetric(line string) {
	d.t.Helper()
	eventually(d.t, 30*time.Second, func() (bool, string) {
		_, metrics, err := d.get("/metrics")
		return err == nil && strings.Contains(metrics, "\n"+line+"\n"), "the metrics do not show " + line
	})
}

// awaitLogged waits until the log has a text.
func (d *daemon) awaitLogged(text string) {
	d.t.Helper()
	eventually(d.t, 30*time.Second, func() (bool, string) { return strings.Contains(d.logged(), text), "the log does not say " + text })
}

func (d *daemon) post(path string) (int, string) {
	d.t.Helper()
	answer, err := http.Post("http://"+d.HTTP+path, "", nil)
	require.NoError(d.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(d.t, err)
	return answer.StatusCode, string(body)
}

// TestReloadInMidWatch: while a good and a bad release are being watched, the configuration is broken, mended and changed in every way that it can be noticed.
// What is broken changes nothing; the running watches keep their policy, and the bad release is rolled back by it although the new policy only observes; a
// release that is announced afterwards is watched by the new one.
func TestReloadInMidWatch(t *testing.T) {
	w := onStack(t)
	good, bad, later := createNamed(t, w, "cart", 60, sampleapp.Behaviour{}), newService(t, w), createNamed(t, w, "later", 60, sampleapp.Behaviour{})
	d := newDaemon(t, w, func(s *settings) { s.Admin, s.For = true, unhurried })
	good.deploy("v2", sampleapp.Behaviour{})
	good.announce(d, "good", "v2")
	d.awaitState("good", 30*time.Second, watch.Watching)
	bad.deploy("v2", sampleapp.FailingThird())
	bad.announce(d, "bad", "v2")
	before := awaitHeld(d, "bad", 1)

	// Broken, under load: asked for by a request, a signal and the file's change, by several at once.
	d.edit("mode: automatic", "mode: atomatic")
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for range 5 {
				code, body := d.post("/-/reload")
				if code != http.StatusInternalServerError || !strings.Contains(body, `policies[0].mode: "atomatic" is not a mode; use observe, approve or automatic`) {
					t.Errorf("a broken file is answered with %d %s", code, body)
				}
				_ = d.hangUp()
			}
		})
	}
	asking.Wait()
	d.awaitMetric("rollbackd_config_last_reload_successful 0")
	d.awaitLogged("the one of before is kept")
	_, page, err := d.get("/")
	require.NoError(t, err)
	require.Contains(t, page, "The configuration file has changed and cannot be used")
	d.awaitReady()

	// Mended: new watches only observe, under another name; and what needs a restart is named.
	began := time.Now()
	d.edit("mode: atomatic", "mode: observe", "- name: http", "- name: next", "files: {root: "+d.Dir+"}", "files: {root: "+d.Dir+"/elsewhere}", "level: debug", "level: info")
	d.awaitMetric("rollbackd_config_last_reload_successful 1")
	t.Logf("a changed file took effect after %s", time.Since(began).Round(100*time.Millisecond))
	d.awaitLogged("field files.root has changed; it takes effect after a restart")
	d.awaitMetric("rollbackd_config_fields_waiting_for_restart 1")

	later.deploy("v2", sampleapp.Behaviour{})
	later.announce(d, "later", "v2")
	require.Equal(t, "next", d.awaitState("later", 30*time.Second, watch.Watching).Policy)

	v := d.awaitState("bad", 90*time.Second, watch.RolledBack)
	require.Equal(t, before.ID, v.ID)
	require.Equal(t, before.T0, v.T0)
	require.Equal(t, "http", v.Policy)
	require.Len(t, bad.rollbacks(), 1)
	require.Equal(t, "http", d.awaitWell("good", time.Now()).Policy)
	require.Empty(t, good.rollbacks())

	// The log's level, at once and by the file.
	code, body, err := d.get("/-/loglevel")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)
	require.JSONEq(t, `{"level":"info"}`, body)
}

// hangUp asks the daemon to read its configuration again.
func (d *daemon) hangUp() error { return d.cmd.Process.Signal(syscall.SIGHUP) }
