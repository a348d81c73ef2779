package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/internal/web"
)

// manyIncidents is how many the ledger of a large installation has after two years.
const manyIncidents = 10_000

// noWatches shows that nothing is being watched.
type noWatches struct{}

func (noWatches) Watches() []watch.Watch         { return nil }
func (noWatches) Get(string) (watch.Watch, bool) { return watch.Watch{}, false }

// withIncidents is a supervisor on a real NATS whose ledger has many incidents, a minute apart.
func withIncidents(t testing.TB, many int) *watch.Supervisor {
	t.Helper()
	b, nc := openBus(t)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(1000))
	require.NoError(t, err)
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for i := range many {
		d := incident.Digest{
			Watch: fmt.Sprintf("production.shop.%064d", i), Incident: fmt.Sprintf("incident-%d", i), EventID: fmt.Sprint("deploy-", i),
			Environment: "production", Namespace: "shop", Workload: fmt.Sprint("service-", i%300), Kind: "Deployment", Version: fmt.Sprint("v1.", i), Target: "v1.0",
			Strategy: "rolling", Policy: "http", Mode: "automatic", State: "RolledBack", Final: true, RolledBack: true, Recovered: true,
			Reason: strings.Repeat("the rollback helped ", 8), Signal: "errors", SignalKind: "error-rate", Value: 0.34, Limit: 0.006, ValueText: "34.44 %", LimitText: "0.60 %",
			Times: incident.DigestTimes{Accepted: at.Add(time.Duration(i) * time.Minute), Ended: at.Add(time.Duration(i)*time.Minute + time.Hour)},
		}
		_, err := js.PublishMsgAsync(&nats.Msg{Subject: "$KV.rollbackd-ledger-main.incident." + d.Watch, Data: d.Line()}, jetstream.WithStallWait(time.Minute))
		require.NoError(t, err)
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(2 * time.Minute):
		t.Fatal("the ledger was not filled in time")
	}
	return watch.New(watch.Options{Instance: "main", Ledger: b.Ledger(), Annex: b.Journal(), Names: b.Names(),
		Metrics: watch.NewMetrics(prometheus.NewRegistry()), Log: zap.NewNop()})
}

// live is the memory that is in use once what nobody needs is gone, in bytes.
func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Listing ten thousand incidents, as a page does and as a program does, keeps no more of them in memory than are shown at once. The server's
// own cache of what it reads is in this process, too.
func TestManyIncidentsTakeNoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it stores ten thousand records")
	}
	s := withIncidents(t, manyIncidents)
	pages, err := web.Handler(web.Options{Watches: noWatches{}, Records: s, Gatherer: prometheus.NewRegistry()})
	require.NoError(t, err)
	before := live()
	rows := 0
	for next := "/incidents/"; next != ""; {
		var recorder *httptest.ResponseRecorder
		for try := 0; try < 5 && (recorder == nil || recorder.Code == http.StatusServiceUnavailable); try++ { // as a busy machine may say
			recorder = httptest.NewRecorder()
			pages.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, next+limit(next), nil))
		}
		require.Equal(t, http.StatusOK, recorder.Code)
		body := recorder.Body.String()
		rows += strings.Count(body, `class="time"><a`)
		next = ""
		if _, rest, more := strings.Cut(body, `<p class="more"><a href="`); more {
			href, _, _ := strings.Cut(rest, `"`)
			next = "/incidents/" + strings.ReplaceAll(href, "&amp;", "&")
		}
	}
	require.Equal(t, manyIncidents, rows)
	listed, most := 0, int64(0)
	for reading := (control.Reading{}); ; {
		reply := s.Ask(t.Context(), control.Asked{By: "ana", Verb: control.Incidents, Request: control.Request{Reading: reading},
			Target: event.Target{Environment: "production", Namespace: "shop", Workload: control.AllWorkloads}})
		require.True(t, reply.OK, reply.Message)
		lines, err := reply.Unpack()
		require.NoError(t, err)
		listed += len(lines)
		most = max(most, live()-before)
		if reading.After = reply.Next; reading.After == 0 {
			break
		}
	}
	require.Equal(t, manyIncidents, listed)
	t.Logf("while it was read, at the most %d KiB more were in use than before; afterwards %d KiB", most>>10, (live()-before)>>10)
	require.Less(t, most, int64(24<<20))
}

// limit asks for large pages, so that the test is short.
func limit(path string) string {
	if strings.Contains(path, "?") {
		return ""
	}
	return "?limit=1000"
}

func BenchmarkManyIncidents(b *testing.B) {
	s := withIncidents(b, manyIncidents)
	b.Run("page of 50", func(b *testing.B) {
		for b.Loop() {
			found, more, err := s.Newest(context.Background(), watch.LedgerQuery{Most: 50})
			require.NoError(b, err)
			require.True(b, more)
			require.Len(b, found, 50)
		}
		b.ReportMetric(float64(live())/(1<<20), "MiB-live")
	})
	b.Run("all in pages of 512 KiB", func(b *testing.B) {
		for b.Loop() {
			for reading := (control.Reading{}); ; {
				reply := s.Ask(context.Background(), control.Asked{Verb: control.Incidents, Request: control.Request{Reading: reading},
					Target: event.Target{Environment: "production", Namespace: "shop", Workload: control.AllWorkloads}})
				if reading.After = reply.Next; reading.After == 0 {
					break
				}
			}
		}
		b.ReportMetric(float64(live())/(1<<20), "MiB-live")
	})
}
