package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
)

// The rule that both judge by: more than one in ten, for long.
const (
	step  = 200 * time.Millisecond
	held  = 10 * step
	limit = 0.1
	// whole and torn are the numbers of random series without and with gaps.
	whole, torn = 40, 20
	evaluations = 70
)

const ruleFile = `groups:
- name: proof
  interval: %s
  rules:
  - {record: "seen:tick", expr: "vector(1)"}
  - {record: "seen:served", expr: "served"}
  - {record: "seen:bad", expr: "bad"}
  - {alert: Bad, expr: "seen:bad / seen:served > %g", for: %s}
`

// A strict signal fires at the same timestamps as an alerting rule of a real Prometheus does over the same random series. What
// each evaluation saw is recorded by rules of the same group, so that both judge the very same numbers. Prometheus fires when
// `for` has passed, the runbook when more than it has, so it is told a moment less here.
func TestForSemanticsAreThoseOfPrometheus(t *testing.T) {
	t.Parallel()
	seen := observe(t)
	exact, differ := 0, 0
	for id := range whole + torn {
		s := seen.series(id)
		// Where nothing is missing all is the same. A busy machine makes gaps of its own: what follows one is judged anew, as
		// an empty answer is health to Prometheus.
		var same, never []int64
		for _, stretch := range s.stretches() {
			same = append(same, inMillis(stretch.judge(held-1))...)
			never = append(never, inMillis(stretch.judge(held))...)
		}
		firing := inMillis(s.firing)
		require.ElementsMatch(t, firing, same, "series %d", id)
		require.Subset(t, firing, never, "series %d: told the same time, the runbook's rule is never sooner", id)
		exact += len(firing)

		// To the runbook's rule a gap is nothing at all while it is as short as two scrapes, and then the time held begins anew.
		ours := inMillis(s.judge(held - 1))
		require.Subset(t, ours, firing, "series %d: a gap only ever keeps more of the time held", id)
		if len(ours) > len(firing) {
			differ++
		}
	}
	require.Greater(t, exact, evaluations, "the series must be such that many fire")
	require.Positive(t, differ, "some series must show the difference")
}

func inMillis(times []time.Time) []int64 {
	out := make([]int64, 0, len(times))
	for _, t := range times {
		out = append(out, t.UnixMilli())
	}
	return out
}

// observed is what a Prometheus recorded and fired: by evaluation, by series.
type observed struct {
	at          []time.Time
	served, bad map[string]map[time.Time]float64
	firing      map[string][]time.Time
}

type seriesTick struct {
	from, at time.Time
	counts   analyzer.Counts
	missing  bool
}

type series struct {
	ticks  []seriesTick
	firing []time.Time
}

func (o observed) series(id int) series {
	name := strconv.Itoa(id)
	s := series{firing: o.firing[name]}
	for i := 1; i < len(o.at); i++ {
		tick := seriesTick{from: o.at[i-1], at: o.at[i]}
		served, ok := o.served[name][o.at[i]]
		if tick.missing = !ok; !ok && len(s.ticks) == 0 {
			continue // the series has not begun
		}
		tick.counts = analyzer.Counts{N: uint64(served), K: uint64(o.bad[name][o.at[i]])}
		s.ticks = append(s.ticks, tick)
	}
	return s
}

// stretches are the parts of the series between its gaps.
func (s series) stretches() (out []series) {
	var now series
	for _, tick := range s.ticks {
		if !tick.missing {
			now.ticks = append(now.ticks, tick)
			continue
		}
		out, now = append(out, now), series{}
	}
	return append(out, now)
}

// judge returns the times at which the analyzer holds the series for regressed.
func (s series) judge(longer time.Duration) (fired []time.Time) {
	rules := analyzer.Rules{Signals: []analyzer.Signal{{
		Name: signalName, Kind: analyzer.KindErrorRate, Scrape: step, Strict: true,
		Rule: analyzer.Sustained{Window: time.Millisecond, For: longer},
	}}}
	baselines := map[string]analyzer.Baseline{signalName: {Counts: analyzer.Counts{N: 1000, K: 1000 * limit}}}
	var st analyzer.State
	var j analyzer.Judgement
	for _, tick := range s.ticks {
		m := analyzer.Measurement{Samples: 1, Pods: map[string]analyzer.Counts{"new": tick.counts}}
		if tick.missing {
			m = analyzer.Measurement{}
		}
		st, j = analyzer.Step(rules, baselines, st, analyzer.Tick{From: tick.from, At: tick.at, Signals: map[string]analyzer.Measurement{signalName: m}})
		if j.Verdict == analyzer.Regressed {
			fired = append(fired, tick.at)
		}
	}
	return fired
}

// observe runs a Prometheus until it has evaluated its rules often enough, and reads back what it saw and did.
func observe(t *testing.T) observed {
	t.Helper()
	target := httptest.NewServer(randomSeries())
	t.Cleanup(target.Close)
	prometheus := startPrometheus(t, strings.TrimPrefix(target.URL, "http://"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ask := func(query string) model.Matrix {
		value, _, _, err := prometheus.Query(ctx, query+"[5m]", time.Now())
		if err != nil {
			return nil
		}
		return value.(model.Matrix)
	}
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	for {
		if seen := ask("seen:tick"); len(seen) == 1 && len(seen[0].Values) > evaluations {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatal("Prometheus did not evaluate its rules often enough")
		case <-ticker.C:
		}
	}
	o := observed{firing: map[string][]time.Time{}}
	for _, v := range ask("seen:tick")[0].Values {
		o.at = append(o.at, v.Timestamp.Time())
	}
	// The newest evaluation may not have come to its end.
	o.at = o.at[:len(o.at)-2]
	end := o.at[len(o.at)-1]
	o.served, o.bad = byTime(ask("seen:served"), end), byTime(ask("seen:bad"), end)
	for id, times := range byTime(ask(`ALERTS{alertstate="firing"}`), end) {
		for at := range times {
			o.firing[id] = append(o.firing[id], at)
		}
		slices.SortFunc(o.firing[id], time.Time.Compare)
	}
	return o
}

func byTime(m model.Matrix, end time.Time) map[string]map[time.Time]float64 {
	out := map[string]map[time.Time]float64{}
	for _, s := range m {
		values := map[time.Time]float64{}
		for _, v := range s.Values {
			if at := v.Timestamp.Time(); !at.After(end) {
				values[at] = float64(v.Value)
			}
		}
		out[string(s.Metric["id"])] = values
	}
	return out
}

// randomSeries serves series that are bad for about as long as the rule needs, then well for a few scrapes. Those with gaps
// are away now and then for a scrape or for many.
func randomSeries() http.Handler {
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(5, 6))
	var isBad [whole + torn]bool
	var left, away [whole + torn]int
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var served, bad strings.Builder
		served.WriteString("# TYPE served gauge\n")
		bad.WriteString("# TYPE bad gauge\n")
		for id := range isBad {
			if left[id]--; left[id] <= 0 {
				isBad[id] = !isBad[id]
				if left[id] = 1 + rnd.IntN(3); isBad[id] {
					left[id] = 1 + rnd.IntN(3*int(held/step))
				}
			}
			if away[id]--; id >= whole && away[id] < 0 && rnd.IntN(12) == 0 {
				away[id] = 1 + rnd.IntN(2)*rnd.IntN(6)
			}
			if away[id] > 0 {
				continue
			}
			k := rnd.IntN(11) // up to one in ten is no breach
			if isBad[id] {
				k = 11 + rnd.IntN(90)
			}
			fmt.Fprintf(&served, "served{id=\"%d\"} 100\n", id)
			fmt.Fprintf(&bad, "bad{id=\"%d\"} %d\n", id, k)
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = io.WriteString(w, served.String()+bad.String())
	})
}

// startPrometheus runs the stack's Prometheus on the target, until the test ends.
func startPrometheus(t *testing.T, target string) v1.API {
	t.Helper()
	binaries, err := filepath.Glob("../../.stack/bin/prometheus-*")
	require.NoError(t, err)
	if len(binaries) == 0 {
		t.Skip("there is no Prometheus; make stack-programs builds it")
	}
	dir := t.TempDir()
	rules := fmt.Sprintf(ruleFile, step, limit, held)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yaml"), []byte(rules), 0o600))
	config := fmt.Sprintf("global: {scrape_interval: %s, scrape_timeout: %s}\nrule_files: [rules.yaml]\n"+
		"scrape_configs: [{job_name: proof, static_configs: [{targets: [%q]}]}]\n", step, step, target)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yaml"), []byte(config), 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())

	cmd := exec.Command(binaries[len(binaries)-1], "--config.file="+filepath.Join(dir, "prometheus.yaml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=error")
	output := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = output, output
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(output.String())
		}
	})
	client, err := api.NewClient(api.Config{Address: "http://" + address})
	require.NoError(t, err)
	return v1.NewAPI(client)
}
