package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/natsauth"
	"github.com/rollbackd/rollbackd/internal/natstest"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// keysOf are credentials as the daemon's configuration has them.
func keysOf(c natsauth.Credentials) string {
	var keys, tls []string
	for _, k := range []struct {
		to         *[]string
		key, value string
	}{
		{&keys, "credentialsFile", c.CredentialsFile}, {&keys, "seedFile", c.SeedFile}, {&keys, "tokenFile", c.TokenFile}, {&keys, "user", c.User}, {&keys, "passwordFile", c.PasswordFile},
		{&tls, "caFile", c.CAFile}, {&tls, "certFile", c.CertFile}, {&tls, "keyFile", c.KeyFile}, {&tls, "serverName", c.ServerName},
	} {
		if k.value != "" {
			*k.to = append(*k.to, fmt.Sprintf("%s: %q", k.key, k.value))
		}
	}
	if len(tls) > 0 {
		keys = append(keys, "tls: {"+strings.Join(tls, ", ")+"}")
	}
	return strings.Join(keys, "\n  ")
}

// rotating is a release that is watched by a daemon which logs in to its NATS in one way.
type rotating struct {
	*natstest.Login
	name    string
	nats    *natsServer
	daemon  *daemon
	service *service
	held    watch.View
}

// streams connects as whoever has the newest credentials.
func (r *rotating) streams(t *testing.T) jetstream.JetStream {
	t.Helper()
	nc, err := r.Connect(r.nats.url, nats.MaxReconnects(-1))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return js
}

// TestCredentialsAreRotatedInMidWatch: while a breach is held, the daemon's credentials for NATS are replaced, in its files and at the server, which refuses the old ones from
// then on. The watch goes on with no tick missing and rolls back once; what is announced in between is watched. For each way to log in.
func TestCredentialsAreRotatedInMidWatch(t *testing.T) {
	w := onStack(t)
	var all []*rotating
	for name, way := range natstest.Logins() {
		all = append(all, &rotating{name: name, Login: way(t, t.TempDir()), nats: newNATS(t)})
	}
	slices.SortFunc(all, func(a, b *rotating) int { return strings.Compare(a.name, b.name) })
	for _, r := range all {
		r.Replace(t)
		r.Allow(t, &r.nats.options)
		r.nats.start()
		r.daemon = newDaemon(t, w, func(s *settings) {
			s.External, s.NATSKeys, s.Instance = r.nats.url, keysOf(r.Credentials), s.Instance+"-"+r.name
			s.For, s.MinBreach, s.Active = 25*time.Second, 40*time.Second, 3*time.Minute
			s.Guards = "{peers: false}" // all of them go bad at the same time
		})
		r.service = createNamed(t, w, r.name, 60, sampleapp.Behaviour{})
	}
	for _, r := range all {
		r.service.awaitBaseline()
	}
	for _, r := range all {
		r.service.deploy("v2", sampleapp.FailingThird())
		publishUntilAcknowledged(t, r.streams(t), r.service.announcement(r.daemon, r.name, "v2"))
	}
	for _, r := range all {
		r.held = awaitHeld(r.daemon, r.name, 1)
		aged := r.Aged(t)
		r.Replace(t)
		r.nats.stop()
		r.Allow(t, &r.nats.options)
		r.nats.start()
		_, err := aged.Connect(r.nats.url, nats.NoReconnect())
		require.Error(t, err, "%s: what was replaced is refused", r.name)
	}
	for _, r := range all {
		between := r.service.announcement(r.daemon, "between", "v3")
		between.Workload = "absent"
		publishUntilAcknowledged(t, r.streams(t), between)
		r.daemon.await("between", 60*time.Second, "known", func(watch.View) bool { return true })
	}
	for _, r := range all {
		v := r.daemon.awaitState(r.name, 2*time.Minute, watch.RolledBack)
		require.Equal(t, r.held.ID, v.ID)
		require.Len(t, r.service.rollbacks(), 1, r.name)
		r.service.requireLive("v1")
		requireEveryTick(t, r.daemon, v)
		require.Contains(t, r.daemon.logged(), "the credentials for NATS have changed; connecting with the new ones", r.name)
	}
}

// requireEveryTick requires that the ticks of a watch follow one another without a gap, from the deployment's start to the verdict.
func requireEveryTick(t *testing.T, d *daemon, v watch.View) {
	t.Helper()
	var text []byte
	eventually(t, 30*time.Second, func() (bool, string) {
		var err error
		text, err = os.ReadFile(filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "journal.jsonl"))
		return err == nil, fmt.Sprint("the record is not written: ", err)
	})
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 8<<20)
	var before time.Time
	ticks := 0
	for lines.Scan() {
		var e incident.Entry
		require.NoError(t, json.Unmarshal(lines.Bytes(), &e))
		if e.Kind != incident.KindTick || e.Tick.Phase != incident.PhaseWatch {
			continue
		}
		require.True(t, before.IsZero() || e.Tick.From.Equal(before), "a tick is missing between %s and %s", before, e.Tick.From)
		before = e.Tick.At
		ticks++
	}
	require.NoError(t, lines.Err())
	require.Greater(t, ticks, 10)
}
