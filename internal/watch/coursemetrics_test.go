package watch

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
)

// histograms returns the histograms of a registry that have samples, by name and by the value of their label.
func histograms(t *testing.T, r *prometheus.Registry) map[string]*dto.Histogram {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	out := map[string]*dto.Histogram{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			if m.GetHistogram().GetSampleCount() > 0 {
				out[name] = m.GetHistogram()
			}
		}
	}
	return out
}

// Each step of a bad release is measured once, and what its journal takes too. A process that takes the watch up again in the middle
// of it counts none of the steps before.
func TestTheCourseOfABadReleaseIsMeasured(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		first, second := prometheus.NewRegistry(), prometheus.NewRegistry()
		p := w.run(func(o *Options) { o.Metrics = NewMetrics(first) })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Verifying)
		p.stop()
		p = w.run(func(o *Options) { o.Metrics = NewMetrics(second) })
		ended := w.await(p, RolledBack)

		before, after := histograms(t, first), histograms(t, second)
		for name, most := range map[string]float64{
			"rollbackd_event_to_pin_duration_seconds":                10,
			"rollbackd_event_to_decision_duration_seconds Regressed": 120,
			"rollbackd_decision_to_patch_duration_seconds daemon":    30,
		} {
			require.EqualValues(t, 1, before[name].GetSampleCount(), name)
			require.LessOrEqual(t, before[name].GetSampleSum(), most, name)
			require.NotContains(t, after, name)
		}
		require.Greater(t, before["rollbackd_event_to_decision_duration_seconds Regressed"].GetSampleSum(), 20.0, "the policy wants a breach of 20 s")
		const recovered = "rollbackd_patch_to_recovery_duration_seconds"
		require.NotContains(t, before, recovered)
		require.EqualValues(t, 1, after[recovered].GetSampleCount())
		require.InDelta(t, ended.Since.Sub(ended.LandedAt).Seconds(), after[recovered].GetSampleSum(), 0.001)
		require.Contains(t, before, "rollbackd_journal_append_duration_seconds ok")
		require.NotContains(t, before, "rollbackd_journal_append_duration_seconds error")
	})
}

// An append that failed is counted as one, and the one that went well after it too.
func TestAppendsThatFailAreCounted(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		registry := prometheus.NewRegistry()
		w.failing(func(call string, done bool) error {
			if call == "journal.append" && !done && time.Now().Before(w.t0.Add(time.Minute)) {
				return errDown
			}
			return nil
		})
		p := w.run(func(o *Options) { o.Metrics = NewMetrics(registry) })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, RolledBack)
		got := histograms(t, registry)
		require.Greater(t, got["rollbackd_journal_append_duration_seconds error"].GetSampleCount(), uint64(1))
		require.Contains(t, got, "rollbackd_journal_append_duration_seconds ok")
	})
}
