package incident

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
)

// A business metric is told as what it is, and not as a fraction of requests.
func TestBusinessMetricsAreToldInTheirUnit(t *testing.T) {
	entries := readJournal(t, "testdata/restored.jsonl")
	for _, e := range entries {
		if e.Kind != KindVerdict || e.Verdict.Verdict != analyzer.Regressed {
			continue
		}
		for i := range e.Verdict.Signals {
			a := &e.Verdict.Signals[i]
			a.Signal, a.Kind, a.Unit = "orders", analyzer.KindBusiness, "a minute"
			a.Value, a.Baseline, a.Limit, a.Reason = 4.2, 12.5, 11.25, "orders was 4.2 a minute"
		}
	}
	got := string(Timeline(entries))
	require.Contains(t, got, "orders was 4.2 a minute; the limit is 11.25 a minute.")
	require.Contains(t, got, "- Measured: 4.2 a minute at ")
	require.Contains(t, got, "- Limit: 11.25 a minute; before the deployment it was 12.5 a minute")
	require.Contains(t, got, "Signal orders breach detected")
}
