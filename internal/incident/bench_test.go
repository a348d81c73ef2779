package incident

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// aDay is the journal of a watch of so many ticks by two signals, whose release breaks at the end.
func aDay(tb testing.TB, ticks int) []Entry {
	tb.Helper()
	body, err := os.ReadFile("testdata/restored.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	var before, after []Entry
	for i, line := range bytes.Split(bytes.TrimSpace(body), []byte("\n")) {
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			tb.Fatal(err)
		}
		if e.Tick != nil {
			continue
		}
		if i < 11 {
			before = append(before, e)
		} else {
			after = append(after, e)
		}
	}
	at := before[len(before)-1].At
	out := before
	for i := range ticks {
		from := at
		at = at.Add(15 * time.Second)
		k := uint64(i % 3)
		if i > ticks-24 {
			k = 70
		}
		out = append(out, Entry{
			Version: 1, ID: fmt.Sprint(i), Watch: "production.shop.9f2c1a7be04d", At: at.Add(5 * time.Second), Actor: "rollbackd/prod", Kind: KindTick,
			Tick: &Tick{Phase: PhaseWatch, Tick: analyzer.Tick{From: from, At: at, Signals: map[string]analyzer.Measurement{
				"errors":  {Samples: 8, Pods: map[string]analyzer.Counts{"checkout-6d5f8c7b9-aaaaa": {N: 225, K: k}, "checkout-6d5f8c7b9-bbbbb": {N: 225, K: k}}},
				"latency": {Samples: 40, Pods: map[string]analyzer.Counts{"checkout-6d5f8c7b9-aaaaa": {N: 225, K: 1}}, Buckets: analyzer.Buckets{"0.25": 200, "0.5": 224, "1": 225, "+Inf": 225}},
			}}},
		})
	}
	for i := range after {
		if v := after[i].Verdict; v != nil {
			v.Signals = append(v.Signals, analyzer.Assessment{Signal: "latency", Kind: analyzer.KindLatency, Window: 60, Quantile: 0.95, SLO: 0.4, LimitLatency: 0.48, Limit: 0.05})
		}
		after[i].At = at.Add(time.Duration(i+1) * time.Second)
	}
	return append(out, after...)
}

// BenchmarkFiles renders the journals of long watches. The time must grow as the journal does.
func BenchmarkFiles(b *testing.B) {
	for _, ticks := range []int{750, 1500, 3000, 6000} {
		entries := aDay(b, ticks)
		b.Run(fmt.Sprint(ticks), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Files(entries)
			}
		})
	}
}

// A day's chart is thinned, whatever the number of ticks.
func TestADaysFilesStaySmall(t *testing.T) {
	for _, f := range Files(aDay(t, 6000)) {
		if len(f.Body) > 40<<10 && f.Name != journalFile {
			t.Errorf("%s has %d bytes", f.Name, len(f.Body))
		}
	}
}
