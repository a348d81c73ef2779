package analyzer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOffTheBaselineIsShownAndNothingElse(t *testing.T) {
	sig := Signal{Kind: KindErrorRate}
	base := Baseline{Counts: Counts{N: 100_000, K: 1000}}
	for _, c := range []struct {
		name   string
		base   Baseline
		total  Counts
		off    float64
		reason string
	}{
		{"within 5 %", base, Counts{N: 100_000, K: 1049}, 0, "well"},
		{"more", base, Counts{N: 100_000, K: 1090}, 0.09, "well; since the deployment +9 % against the baseline"},
		{"fewer", base, Counts{N: 100_000, K: 500}, -0.5, "well; since the deployment -50 % against the baseline"},
		{"too few to say", base, Counts{N: 1000, K: 20}, 0, "well"},
		{"no baseline", Baseline{}, Counts{N: 100_000, K: 1090}, 0, "well"},
	} {
		a := Assessment{Verdict: Healthy, Reason: "well"}.withWarning(sig, c.base, c.total)
		require.InDelta(t, c.off, a.OffBaseline, 1e-9, c.name)
		require.Equal(t, Healthy, a.Verdict, c.name)
		require.Equal(t, c.reason, a.Reason, c.name)
	}
}
