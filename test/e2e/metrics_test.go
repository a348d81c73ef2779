package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// shown returns how many samples a histogram of the daemon has under a label's value, or what another metric shows.
func (d *daemon) shown(name, value string) float64 {
	d.t.Helper()
	code, text, err := d.get("/metrics")
	require.NoError(d.t, err)
	require.Equal(d.t, 200, code)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(d.t, err)
	require.Contains(d.t, families, name)
	sum := 0.0
	for _, m := range families[name].GetMetric() {
		found := value == ""
		for _, l := range m.GetLabel() {
			found = found || l.GetValue() == value
		}
		if found {
			sum += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

// TestARollbackIsSeenInTheMetrics: from the event to the recovery each step is measured once, and the daemon was not blind for it.
func TestARollbackIsSeenInTheMetrics(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := newService(t, w)
	require.Zero(t, d.shown("rollbackd_blind_seconds", ""))

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "bad", "v2")
	d.awaitState("bad", 60*time.Second, watch.Watching)
	eventually(t, 30*time.Second, func() (bool, string) {
		measured, ticks := d.shown("rollbackd_watches_measured", ""), d.shown("rollbackd_ticks_total", "watch")
		return measured == 1 && ticks > 0, fmt.Sprintf("%v watches are measured, in %v ticks", measured, ticks)
	})
	require.Less(t, d.shown("rollbackd_blind_seconds", ""), 30.0)
	d.awaitState("bad", 90*time.Second, watch.RolledBack)

	for _, c := range []struct {
		name, value string
		want        float64
	}{
		{"rollbackd_event_to_pin_duration_seconds", "", 1},
		{"rollbackd_event_to_decision_duration_seconds", "Regressed", 1},
		{"rollbackd_event_to_decision_duration_seconds", "Healthy", 0},
		{"rollbackd_decision_to_patch_duration_seconds", "daemon", 1},
		{"rollbackd_patch_to_recovery_duration_seconds", "", 1},
		{"rollbackd_watch_transitions_total", "RolledBack", 1},
		{"rollbackd_watch_transitions_total", "NotRecovered", 0},
		{"rollbackd_journal_append_duration_seconds", "error", 0},
		{"rollbackd_ready", "", 5},
	} {
		eventually(t, 20*time.Second, func() (bool, string) { // a state shows a moment before it is counted, and probes come and go
			got := d.shown(c.name, c.value)
			return got == c.want, fmt.Sprintf("%s %s is %v, want %v", c.name, c.value, got, c.want)
		})
	}
	require.Positive(t, d.shown("rollbackd_kubernetes_request_duration_seconds", "patch"))
	require.Positive(t, d.shown("rollbackd_prometheus_request_duration_seconds", "query"))
	require.Zero(t, d.shown("rollbackd_blind_seconds", ""))
}
