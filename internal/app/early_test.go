package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/bus"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/notifier"
)

// Whoever relies on a daemon that cannot begin learns of it once, and that it has begun; of a NATS that is only a little later than the daemon nothing.
func TestADaemonThatWaitsForNATSSaysSo(t *testing.T) {
	for name, tc := range map[string]struct {
		there time.Duration
		want  []string
	}{
		"there soon":  {natsPatience - 2*outageEvery, nil},
		"there late":  {3 * time.Hour, []string{"NATS has been away for 2m0s, and rollbackd cannot work", "NATS is back, and rollbackd works again"}},
		"never there": {0, []string{"NATS has been away for 2m0s, and rollbackd cannot work"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var told []notifier.Notice
				absent, begun, ended := errors.New("no servers available"), 0, 0
				e := early{log: zap.NewNop(), absent: func() error { mu.Lock(); defer mu.Unlock(); return absent }}
				e.begin = func(ctx context.Context) (func(notifier.Notice), func(), error) {
					begun++
					tell := func(n notifier.Notice) { require.NoError(t, ctx.Err()); told = append(told, n) }
					return tell, func() { ended++ }, nil
				}
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				done := make(chan struct{})
				go func() { defer close(done); e.run(ctx) }()
				time.Sleep(cmp.Or(tc.there, 24*time.Hour))
				if tc.there > 0 {
					mu.Lock()
					absent = nil
					mu.Unlock()
				}
				stop()
				<-done
				var titles []string
				for _, n := range told {
					titles = append(titles, n.Title)
				}
				require.Equal(t, tc.want, titles)
				require.Equal(t, []int{min(1, len(tc.want)), min(1, len(tc.want))}, []int{begun, ended}, "what tells is made for the first notice, and ended")
				if len(told) > 0 {
					require.Equal(t, notifier.Page, told[0].Severity, "nobody knows what is open")
					require.Contains(t, told[0].Action, "Which watches are open is not known")
					require.NotContains(t, notifier.Message(told[0]), "-1")
				}
			})
		})
	}
}

// A pipeline without NATS tells the sinks that need none, by the routes, and is not held up by those that do.
func TestPeopleAreToldWithoutNATS(t *testing.T) {
	got := make(chan string, 10)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
	}))
	defer sink.Close()
	file := filepath.Join(t.TempDir(), "rollbackd.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `
instance: staging
environments: [staging]
prometheus: {url: "http://127.0.0.1:9090"}
nats: {url: "nats://127.0.0.1:1"}
notify:
  sinks:
  - {name: hook, webhook: {url: %q}}
  - {name: ce, cdevents: {}}
  routes:
  - {sinks: [ce, hook]}
policies:
- &web
  name: web
  match: []
  signals: [{name: errors, preset: http}]
- <<: *web
  name: api
`, sink.URL), 0o600))
	cfg, err := config.Load(file)
	require.NoError(t, err)
	nc, err := nats.Connect(cfg.NATS.URL, bus.ConnectOptions(zap.NewNop())...)
	require.NoError(t, err)
	defer nc.Close()
	p := process{
		cfg: cfg, log: zap.NewNop(), nc: nc, told: notifier.NewMetrics(prometheus.NewRegistry()),
		settings: newSettings(cfg, zap.NewAtomicLevel(), zap.NewNop(), prometheus.NewRegistry()),
	}
	require.ErrorContains(t, p.absent(), "not connected to NATS: RECONNECTING")
	tell, end, err := p.beginTelling(t.Context())
	require.NoError(t, err)
	tell(notifier.Notice{ID: "outage-nats-away-1", At: time.Now(), Kind: notifier.KindOther, Severity: notifier.Page, Title: "NATS has been away"})
	end()
	require.Len(t, got, 1, "it is told before the end returns")
	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(<-got), &body))
	require.Contains(t, fmt.Sprint(body), "NATS has been away")
}
