package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// watchedAtOnce is how many watches are open while the configuration is broken.
const watchedAtOnce = 50

// TestABrokenFileUnderLoadChangesNothing: fifty releases are being watched and events keep coming while the configuration is replaced by broken ones, each noticed in every
// way. Each time the answer says what is wrong; all watches go on by their policy, no event is lost, and nothing is rolled back.
func TestABrokenFileUnderLoadChangesNothing(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.Admin, s.Active = true, 10*time.Minute })
	var services []*service
	for i := range watchedAtOnce {
		s := &service{t: t, w: w, App: sampleapp.App{Client: w.client, Namespace: d.Namespace, Name: fmt.Sprintf("app-%d", i), Replicas: 1}}
		require.NoError(t, s.Create(t.Context(), "v1", sampleapp.Behaviour{}))
		s.deleteAfter()
		services = append(services, s)
	}
	for i, s := range services {
		s.deploy("v2", sampleapp.Behaviour{})
		s.announce(d, fmt.Sprintf("live-%d", i), "v2")
	}
	live := func() map[string]watch.View {
		out := map[string]watch.View{}
		for _, v := range d.watches() {
			if strings.HasPrefix(v.EventID, "live-") && v.State == watch.Watching {
				out[v.EventID] = v
			}
		}
		return out
	}
	eventually(t, 2*time.Minute, func() (bool, string) {
		n := len(live())
		return n == watchedAtOnce, fmt.Sprintf("%d releases are being watched", n)
	})

	js, err := jetstream.New(connect(t, d))
	require.NoError(t, err)
	coming, stop := context.WithCancel(t.Context())
	sent := make(chan int, 1)
	go func() {
		n := 0
		for ticker := time.NewTicker(50 * time.Millisecond); coming.Err() == nil; <-ticker.C {
			e := services[0].announcement(d, fmt.Sprintf("more-%d", n), "v2")
			e.Workload = fmt.Sprintf("absent-%d", n)
			publishUntilAcknowledged(t, js, e)
			n++
		}
		sent <- n
	}()
	before := live()
	for _, broken := range []struct{ from, to, says string }{
		{"mode: automatic", "mode: atomatic", `policies[0].mode: "atomatic" is not a mode`},
		{"policies:\n", "policiez:\n", `unknown key "policiez"`},
		{"instance: ", "instance: [", "yaml"},
		{"passwordFile: " + d.Dir + "/password", "passwordFile: " + d.Dir + "/absent", `the password of "deployer": open ` + d.Dir + "/absent: no such file"},
	} {
		d.edit(broken.from, broken.to)
		for range 3 {
			code, body := d.post("/-/reload")
			require.Equal(t, http.StatusInternalServerError, code, body)
			require.Contains(t, body, broken.says)
			require.NoError(t, d.hangUp())
		}
		d.awaitMetric("rollbackd_config_last_reload_successful 0")
		require.Equal(t, http.StatusOK, must(d.get("/-/ready")))
		d.edit(broken.to, broken.from)
		code, body := d.post("/-/reload")
		require.Equal(t, http.StatusOK, code, body)
	}
	stop()
	n := <-sent
	require.Greater(t, n, 20)
	after := live()
	require.Len(t, after, watchedAtOnce)
	for id, v := range after {
		require.Equal(t, before[id].ID, v.ID)
		require.Equal(t, "http", v.Policy)
		require.Equal(t, before[id].T0, v.T0)
	}
	eventually(t, 60*time.Second, func() (bool, string) {
		known := map[string]int{}
		for _, v := range d.watches() {
			known[v.EventID]++
		}
		for i := range n {
			if id := fmt.Sprintf("more-%d", i); known[id] != 1 {
				return false, fmt.Sprintf("event %s has %d watches", id, known[id])
			}
		}
		return true, ""
	})
	for _, s := range services {
		require.Empty(t, s.rollbacks())
	}
}
