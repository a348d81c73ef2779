package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// watchedAtOnce is how many watches are open while the configuration is broken.
const watchedAtOnce = 50

// TestABrokenFileUnderLoadChangesNothing: fifty releases are being watched and events keep coming while the configuration is replaced by broken ones, each noticed in every
// way. Each time the answer says what is wrong; all watches go on by their policy, no event is lost, and nothing is rolled back.
func TestABrokenFileUnderLoadChangesNothing(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.Admin, s.Active, s.SettleFor = true, 10*time.Minute, 3*time.Minute })
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
	before := d.awaitWatching(watchedAtOnce)
	more := keepComing(t, d, services[0])
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
		d.awaitReady()
		more.await(more.sent() + 6) // they come while the file is broken
		d.edit(broken.to, broken.from)
		code, body := d.post("/-/reload")
		require.Equal(t, http.StatusOK, code, body)
	}
	n := more.end()
	after := d.awaitWatching(watchedAtOnce)
	for id, b := range before {
		require.Equal(t, b.ID, after[id].ID)
		require.Equal(t, watch.Watching, after[id].State, after[id].Reason)
		require.Equal(t, "http", after[id].Policy)
		require.Equal(t, b.T0, after[id].T0)
	}
	eventually(t, time.Minute, func() (bool, string) {
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

// coming are events of workloads that are not there, which are published until the test has had enough of them.
type coming struct {
	t    *testing.T
	n    atomic.Int64
	stop context.CancelFunc
	over chan struct{}
	err  error
}

// keepComing publishes an event every now and then, each until NATS has stored it, as a deploy tool does.
func keepComing(t *testing.T, d *daemon, s *service) *coming {
	t.Helper()
	js, err := jetstream.New(connect(t, d))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	c := &coming{t: t, stop: stop, over: make(chan struct{})}
	go func() {
		defer close(c.over)
		for ticker := time.NewTicker(50 * time.Millisecond); ctx.Err() == nil && c.err == nil; <-ticker.C {
			n := c.n.Load()
			e := s.announcement(d, fmt.Sprintf("more-%d", n), "v2")
			e.Workload = fmt.Sprintf("absent-%d", n)
			if c.err = c.publish(js, e); c.err == nil {
				c.n.Add(1)
			}
		}
	}()
	t.Cleanup(func() { stop(); <-c.over })
	return c
}

func (c *coming) publish(js jetstream.JetStream, e event.Event) error {
	document, err := json.Marshal(e)
	for began := time.Now(); err == nil; {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.t.Context()), 5*time.Second)
		_, err := js.Publish(ctx, e.Target().Subject(), document)
		cancel()
		if err == nil || time.Since(began) > patience*20*time.Second {
			return err
		}
	}
	return err
}

// sent is how many NATS has stored.
func (c *coming) sent() int64 { return c.n.Load() }

// await waits until so many have been sent.
func (c *coming) await(n int64) {
	c.t.Helper()
	eventually(c.t, time.Minute, func() (bool, string) { return c.sent() >= n, fmt.Sprintf("%d events were published", c.sent()) })
}

// end lets no more come, and returns how many there were.
func (c *coming) end() int {
	c.t.Helper()
	c.stop()
	<-c.over
	require.NoError(c.t, c.err)
	return int(c.sent())
}
