package analyzer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestIncidentsAreNoPartOfABaseline(t *testing.T) {
	to := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	tick := func(k uint64, times int) []Counts {
		out := make([]Counts, times)
		for i := range out {
			out[i] = Counts{N: 100, K: k}
		}
		return out
	}
	for _, c := range []struct {
		name  string
		ticks [][]Counts
		// from and to are the ticks that are left out.
		from, to int
	}{
		{"none", [][]Counts{tick(1, 240)}, 0, 0},
		{"ten minutes in the middle", [][]Counts{tick(1, 80), tick(40, 40), tick(1, 120)}, 80, 120},
		{"at the beginning", [][]Counts{tick(40, 40), tick(1, 200)}, 0, 40},
		{"at the end, where it may go on", [][]Counts{tick(1, 200), tick(40, 40)}, 0, 0},
		{"at the end of what was served, before a pause", [][]Counts{tick(1, 200), tick(40, 40), make([]Counts, 20)}, 0, 0},
		{"over before a pause", [][]Counts{tick(1, 120), tick(40, 40), tick(1, 60), make([]Counts, 20)}, 120, 160},
		{"half of it, which is the normal course", [][]Counts{tick(1, 60), tick(40, 120), tick(1, 60)}, 0, 0},
		{"hardly worse", [][]Counts{tick(1, 80), tick(3, 40), tick(1, 120)}, 0, 0},
		{"a few failures where there are none else", [][]Counts{tick(0, 80), tick(1, 8), tick(0, 152)}, 0, 0},
	} {
		b := Baseline{To: to, Step: 15 * time.Second}
		for _, part := range c.ticks {
			b.Ticks = append(b.Ticks, part...)
		}
		b.From, b.Counts = to.Add(-time.Duration(len(b.Ticks))*b.Step), sumOf(b.Ticks)
		all := b.Counts
		got := b.withoutIncident()
		if c.to == 0 {
			require.Nil(t, got.Incident, c.name)
			require.Equal(t, all, got.Counts, c.name)
			continue
		}
		require.Equal(t, &Span{From: b.From.Add(time.Duration(c.from) * b.Step), At: b.From.Add(time.Duration(c.to) * b.Step)}, got.Incident, c.name)
		require.Equal(t, all, got.Counts.Plus(sumOf(b.Ticks[c.from:c.to])), c.name)
		require.Len(t, got.Ticks, len(b.Ticks)-(c.to-c.from), c.name)
	}
}

// A fault that lasted until the old version was taken away had begun before the release, however long the new one took to start.
func TestAFaultBeforeAPauseHadBegunBeforeTheRelease(t *testing.T) {
	base := Baseline{Step: 15 * time.Second}
	for i := range 240 {
		c := Counts{N: 100, K: 1}
		if i >= 200 {
			c.K = 20
		}
		if i >= 216 {
			c = Counts{}
		}
		base.Ticks = append(base.Ticks, c)
	}
	base.Counts = sumOf(base.Ticks)
	g := groundOf(Rules{}, Signal{Name: "errors", Kind: KindErrorRate, Rule: rule}, base)
	require.Equal(t, "it had risen before the deployment already", g.why)
	require.Greater(t, g.limit, 0.2)
}
