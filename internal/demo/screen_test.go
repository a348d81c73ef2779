package demo

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/watch"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestScreen tells the same excerpt of a story on each kind of output.
func TestScreen(t *testing.T) {
	looks := map[string]look{
		"terminal":        {inPlace: true, colours: true, width: func() int { return 100 }},
		"narrow-terminal": {inPlace: true, width: func() int { return 80 }},
		"file":            {width: func() int { return defaultWidth }},
	}
	for name, look := range looks {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			tellExcerpt(newScreen(&out, look))
			path := filepath.Join("testdata", name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(path, out.Bytes(), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), out.String())
		})
	}
}

func tellExcerpt(s *screen) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	s.now = func() time.Time { return now }
	s.title()
	s.columns(shortened().table())
	s.heading("A. A bad release is taken back")
	s.say("deploy tool", "rolls shop/checkout from v1 to v2 (v2 fails a third of its requests)", plain)
	v := watch.View{Version: "v2", Target: "v1", State: watch.Watching, T0: now}
	s.show(liveLine(v, signalErrors, shortened(), now))
	for range 6 {
		now = now.Add(time.Second)
		v.LastTick = now
		v.Signals = []analyzer.Assessment{{
			Outcome: analyzer.OutcomeBreach, Value: 0.3333, Limit: 0.006, Baseline: 0.005,
			Held: now.Sub(v.T0).Seconds(), Required: 15,
		}}
		s.show(liveLine(v, signalErrors, shortened(), now))
	}
	s.say("rollbackd", "RollingBack: put shop/checkout back from v2 (revision 2) to v1 (revision 1) by giving it the pod template of ReplicaSet checkout-5fb66f9448", red)
	s.check(check{"API server", true, "the live template of shop/checkout is v1"})
	s.check(check{"API server's audit log", false, "rollbackd changed nothing, but must be: exactly 1 patch of the Deployment"})
	s.suffering(slowness(theStage.badSwitch(), watch.View{LandedAt: now.Add(18 * time.Second), Since: now.Add(29 * time.Second)}, tally{requests: 1100}, now))
	s.document("timeline.md", "# Incident\n\nwhat happened\n")
	s.ending(125 * time.Second)
}

func TestLiveLine(t *testing.T) {
	t0 := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	ok := []analyzer.Assessment{{Outcome: analyzer.OutcomeOK, Value: 0.001, Limit: 0.006, Baseline: 0.005}}
	tests := map[string]struct {
		view watch.View
		want string
	}{
		"pending": {watch.View{State: watch.Pending, Version: "v2"}, "Pending     waiting for the cluster to show v2"},
		"no tick": {watch.View{State: watch.Watching, Version: "v2"}, "Watching    waiting for the first measurement of v2"},
		"watching": {watch.View{State: watch.Watching, T0: t0, LastTick: t0.Add(30 * time.Second), Signals: ok},
			"Watching    errors 0.10 %, limit 0.60 %, baseline 0.50 %, watched 30 of 60 s ▰▰▰▰▰▰▱▱▱▱▱▱"},
		"no data": {watch.View{State: watch.Watching, T0: t0, LastTick: t0, Signals: []analyzer.Assessment{{Outcome: analyzer.OutcomeNoData, Reason: "none"}}},
			"Watching    no measurement: none, watched 0 of 60 s ▱▱▱▱▱▱▱▱▱▱▱▱"},
		// Until the known-good version is measured, the newest judgement is that of the bad one.
		"just rolled back": {watch.View{State: watch.Verifying, Target: "v1", LastTick: t0, LandedAt: t0.Add(time.Second), Signals: ok},
			"Verifying   waiting for the first measurement of v1"},
		"verifying": {watch.View{State: watch.Verifying, Target: "v1", LastTick: t0.Add(2 * time.Second), LandedAt: t0.Add(time.Second), Signals: ok},
			"Verifying   errors 0.10 %, limit 0.60 %, baseline 0.50 %, back for 59 s"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScreen(nil, look{})
			require.Equal(t, test.want, s.join(liveLine(test.view, signalErrors, shortened(), t0.Add(time.Minute))))
		})
	}
}

func TestLiveLineOfLatency(t *testing.T) {
	ok := analyzer.Assessment{Signal: signalErrors, Kind: analyzer.KindErrorRate, Outcome: analyzer.OutcomeOK, Limit: 0.001}
	slow := analyzer.Assessment{
		Signal: signalLatency, Kind: analyzer.KindLatency, Outcome: analyzer.OutcomeBreach, Value: 0.812, Limit: 0.05,
		Quantile: 0.95, QuantileValue: 1.4567, SLO: 0.5, LimitLatency: 0.6, Held: 10, Required: 15,
	}
	line := func(signal string, signals ...analyzer.Assessment) string {
		v := watch.View{State: watch.Watching, Signals: signals}
		return newScreen(nil, look{}).join(liveLine(v, signal, shortened(), time.Time{}))
	}
	want := "Watching    P95 1.46 s, limit 0.6 s; 81.2 % over it, max 5 %, held 10 of 15 s ▰▰▰▰▰▰▰▰▱▱▱▱"
	require.Equal(t, want, line(signalLatency, ok, slow))
	held, _, _ := strings.Cut(want, " ▰")
	v := watch.View{State: watch.Watching, Signals: []analyzer.Assessment{slow}}
	narrow := fit(liveLine(v, signalLatency, shortened(), time.Time{}), 80-3)
	require.Equal(t, held, newScreen(nil, look{}).join(narrow), "80 columns have room for the time held")
	require.Equal(t, want, line(signalErrors, ok, slow), "a breach that the story is not about is shown too")
	failing := ok
	failing.Outcome, failing.Required = analyzer.OutcomeBreach, 15
	require.Contains(t, line(signalErrors, slow, failing), "errors 0.00 %")
	fast := slow
	fast.Outcome, fast.Value, fast.QuantileValue = analyzer.OutcomeOK, 0, 0.04
	require.Equal(t, "Watching    P95 0.04 s, limit 0.6 s; 0 % over it, max 5 %", line(signalLatency, ok, fast))
}

func TestNoColour(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	got := lookOf(file)
	require.False(t, got.colours)
	require.False(t, got.inPlace)
	require.Equal(t, defaultWidth, got.width())
}
