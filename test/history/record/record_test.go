package record_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/promclient"
	"github.com/rollbackd/rollbackd/test/history/record"
	"github.com/rollbackd/rollbackd/test/history/scenario"
	"github.com/rollbackd/rollbackd/test/history/serve"
)

// served writes a history and has a real Prometheus serve it.
func served(t *testing.T, o scenario.Options) (*scenario.Plan, string) {
	t.Helper()
	plan, err := scenario.New(o)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, record.Write(t.Context(), plan, dir, nil))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server, err := serve.Start(ctx, filepath.Join(dir, record.TSDB))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return plan, server.URL
}

type sample struct {
	t int64
	v uint64
}

func TestPrometheusServesTheSamplesAsTheyWereMadeUp(t *testing.T) {
	plan, url := served(t, scenario.Options{
		Deployments: 3, Workloads: 3, Namespaces: 3, Layouts: scenario.Layouts(), Seed: 5,
		Before: 20 * time.Minute, After: 45 * time.Minute,
	})
	want, stale := madeUp(t, plan)
	require.NotZero(t, stale)
	got := map[string][]sample{}
	for _, series := range remoteRead(t, url, plan.Start, plan.End) {
		l := labels.NewScratchBuilder(0)
		for _, pair := range series.Labels {
			l.Add(pair.Name, pair.Value)
		}
		l.Sort()
		var samples []sample
		for _, s := range series.Samples {
			samples = append(samples, sample{s.Timestamp, math.Float64bits(s.Value)})
		}
		got[l.Labels().String()] = samples
	}
	require.Len(t, got, len(want))
	for series, samples := range want {
		require.Equal(t, samples, got[series], series)
	}
}

// madeUp records a plan once more in memory, and counts the staleness markers.
func madeUp(t *testing.T, p *scenario.Plan) (series map[string][]sample, stale int) {
	t.Helper()
	var mu sync.Mutex
	series = map[string][]sample{}
	require.NoError(t, p.Recorder().Record(t.Context(), p.End.Add(time.Hour), func(l labels.Labels) scenario.Append {
		key := l.String()
		return func(ms int64, v float64) {
			mu.Lock()
			defer mu.Unlock()
			series[key] = append(series[key], sample{ms, math.Float64bits(v)})
			if value.IsStaleNaN(v) {
				stale++
			}
		}
	}))
	return series, stale
}

// remoteRead asks for all raw samples, which include staleness markers there and nowhere else.
func remoteRead(t *testing.T, url string, from, to time.Time) []*prompb.TimeSeries {
	t.Helper()
	question := prompb.ReadRequest{Queries: []*prompb.Query{{
		StartTimestampMs: from.UnixMilli(), EndTimestampMs: to.UnixMilli(),
		Matchers: []*prompb.LabelMatcher{{Type: prompb.LabelMatcher_RE, Name: "__name__", Value: ".+"}},
	}}}
	data, err := question.Marshal()
	require.NoError(t, err)
	response, err := http.Post(url+"/api/v1/read", "application/x-protobuf", bytes.NewReader(snappy.Encode(nil, data)))
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, string(body))
	data, err = snappy.Decode(nil, body)
	require.NoError(t, err)
	var answer prompb.ReadResponse
	require.NoError(t, answer.Unmarshal(data))
	require.Len(t, answer.Results, 1)
	return answer.Results[0].Timeseries
}

func TestTheJudgeCountsWhatWasMadeUp(t *testing.T) {
	plan, url := served(t, scenario.Options{
		Deployments: 2 * len(scenario.Faults()), Workloads: 14, Namespaces: 2, Seed: 11,
		Layouts: []scenario.Layout{scenario.ByPod, scenario.ByVersion},
		Faults:  slices.Repeat(scenario.Faults(), 2), Before: 20 * time.Minute, After: 45 * time.Minute,
	})
	client, err := promclient.New(url, &http.Client{})
	require.NoError(t, err)
	sampler := analyzer.NewSampler(client, 30*time.Second)
	var unplaced uint64
	for _, d := range plan.Deployments {
		t0 := d.Truth.Start
		subject := analyzer.Subject{Key: "it", Namespace: d.Event.Namespace, Workload: d.Event.Workload}
		for _, c := range []struct {
			name     string
			version  scenario.Version
			from, to time.Time
			members  analyzer.Members
		}{
			{"new", scenario.NewVersion, t0, t0.Add(45 * time.Minute), members(d.Truth.PodPrefix, d.Event.Version)},
			{"old", scenario.OldVersion, t0.Add(-20 * time.Minute), t0, members(d.Truth.ControlPrefix, d.Event.PreviousVersion)},
		} {
			subject.Release, subject.Fresh = c.members, c.version == scenario.NewVersion
			subject.Spans = []analyzer.Span{{From: c.from, At: c.to}}
			want, err := plan.Tally(d.Truth.ID, c.version, c.from, c.to)
			require.NoError(t, err)
			unplaced += want.Unplaced.Requests
			failures, slowness := signals(d.Truth.Layout)
			require.Equal(t, analyzer.Counts{N: want.Requests, K: want.Errors}, total(t, sampler, failures, subject), "%s %s %s", d.Truth.ID, d.Truth.Fault, c.name)
			require.Equal(t, analyzer.Counts{N: want.Requests, K: want.Slow}, total(t, sampler, slowness, subject), "%s %s %s", d.Truth.ID, d.Truth.Fault, c.name)
		}
	}
	require.NotZero(t, unplaced, "the history has gaps")
}

// members are the series of a version by whatever the layout tells.
func members(podPrefix, version string) analyzer.Members {
	if podPrefix != "" {
		return analyzer.Members{PodPrefix: podPrefix}
	}
	return analyzer.Members{Versions: []string{version}}
}

func total(t *testing.T, s *analyzer.Sampler, signal analyzer.Signal, subject analyzer.Subject) analyzer.Counts {
	t.Helper()
	measured, err := s.Sample(t.Context(), signal, []analyzer.Subject{subject})
	require.NoError(t, err)
	require.Len(t, measured["it"], 1)
	require.Empty(t, measured["it"][0].Error)
	return measured["it"][0].Total()
}

// signals are the error rate and the latency of a layout.
func signals(l scenario.Layout) (failures, slowness analyzer.Signal) {
	failures = analyzer.Signal{
		Name: "errors", Kind: analyzer.KindErrorRate, Scrape: l.Scrape(),
		Requests: `http_requests_total`, Errors: `http_requests_total{code=~"5.."}`,
		Labels: analyzer.Labels{Namespace: "namespace", Pod: "pod"},
	}
	slowness = analyzer.Signal{
		Name: "latency", Kind: analyzer.KindLatency, Scrape: l.Scrape(), Histogram: `http_request_duration_seconds_bucket`,
		Objective: analyzer.Objective{Quantile: 0.95, SLO: 500 * time.Millisecond, Tolerance: 0.2, Unit: time.Second},
		Labels:    failures.Labels,
	}
	if l == scenario.ByVersion {
		failures.Requests, failures.Errors = `rpc_server_total`, `rpc_server_total{status=~"internal|unavailable"}`
		failures.Labels = analyzer.Labels{Workload: "callee", Version: "callee_version"}
		slowness.Histogram, slowness.Labels, slowness.Objective.Unit = `rpc_server_duration_milliseconds_bucket`, failures.Labels, time.Millisecond
	}
	return failures, slowness
}

func TestTheSameSeedGivesTheSameFiles(t *testing.T) {
	o := scenario.Options{Deployments: 2, Workloads: 1, Seed: 9, Before: 20 * time.Minute, After: 40 * time.Minute}
	one, two := files(t, o), files(t, o)
	require.Contains(t, one, record.Configuration)
	require.Equal(t, one, two)
}

func files(t *testing.T, o scenario.Options) map[string]string {
	t.Helper()
	plan, err := scenario.New(o)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, record.Write(t.Context(), plan, dir, nil))
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = string(data)
		return err
	}))
	return out
}

func TestMemoryDoesNotGrowWithTheSpan(t *testing.T) {
	short, long := retained(t, 4), retained(t, 16)
	require.Less(t, float64(long), 1.5*float64(short)+4e6, "bytes in use after 4 and 16 deployments of one workload")
}

// retained is the most memory that is in use while a history of one workload is written.
func retained(t *testing.T, deployments int) (most uint64) {
	t.Helper()
	plan, err := scenario.New(scenario.Options{
		Deployments: deployments, Workloads: 1, Seed: 2, Before: 20 * time.Minute, After: 40 * time.Minute,
	})
	require.NoError(t, err)
	require.NoError(t, record.Write(t.Context(), plan, t.TempDir(), func(record.Progress) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}))
	return most
}

func TestConfigurationCanBeRead(t *testing.T) {
	for name, c := range map[string]struct{ before, after time.Duration }{
		"the defaults": {time.Hour, 2 * time.Hour},
		"the least":    {20 * time.Minute, 30 * time.Minute},
		"an hour":      {time.Hour, time.Hour},
		"a day":        {2 * time.Hour, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			o := scenario.Options{Deployments: 1, Workloads: 1, Before: c.before, After: c.after}
			text := files(t, o)[record.Configuration]
			_, err := config.Parse([]byte(text))
			require.NoError(t, err, text)
		})
	}
}

func TestNamespacesOfOneLayoutDoNotShareSeries(t *testing.T) {
	for _, l := range scenario.Layouts() {
		t.Run(string(l), func(t *testing.T) {
			written := files(t, scenario.Options{
				Deployments: 3, Workloads: 3, Namespaces: 3, Layouts: []scenario.Layout{l}, Before: 20 * time.Minute, After: 30 * time.Minute,
			})
			require.Equal(t, 3, strings.Count(written[record.Deployments], "\n"))
			_, err := config.Parse([]byte(written[record.Configuration]))
			require.NoError(t, err)
			require.Contains(t, written[record.Configuration], "- name: "+string(l))
		})
	}
}

func TestAFullFolderIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600))
	plan, err := scenario.New(scenario.Options{Deployments: 1})
	require.NoError(t, err)
	require.ErrorIs(t, record.Write(t.Context(), plan, dir, nil), record.ErrNotEmpty)
}

func TestLinesAreJSON(t *testing.T) {
	written := files(t, scenario.Options{Deployments: 2, Workloads: 1, Faults: []scenario.Fault{scenario.ErrorJump, scenario.None}, Before: 20 * time.Minute, After: 30 * time.Minute})
	var first map[string]any
	require.NoError(t, json.NewDecoder(bytes.NewBufferString(written[record.Truth])).Decode(&first))
	require.Equal(t, "bad", first["label"])
	require.Equal(t, "error-jump", first["fault"])
	require.NotEmpty(t, first["onset"])
}
