package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A tick of all watches together, on a real Prometheus: what is counted is whole, in as few queries as promised.
func TestATickCountsEverything(t *testing.T) {
	s, err := open(t.Context(), 60, t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.server.Stop()) }()
	grown := []int{30 + 3 + 1 + 1, 3 * len(bounds())} // what the counters of one pod grow by between two scrapes
	for n, sig := range policy() {
		got, err := s.sampler.Sample(t.Context(), sig, subjects(60, 3))
		require.NoError(t, err)
		require.EqualValues(t, n+1, s.traffic.queries.Load())
		require.Len(t, got, 60)
		for _, list := range got {
			require.Len(t, list[0].Pods, pods)
			require.EqualValues(t, pods*grown[n], list[0].Total().N)
		}
	}
}

// An expression has a query for each watch, and one for the old version beside it.
func TestExpressionsHaveQueriesOfTheirOwn(t *testing.T) {
	s, err := open(t.Context(), 20, t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.server.Stop()) }()
	got, err := s.sampler.Sample(t.Context(), number(), subjects(20, 3))
	require.NoError(t, err)
	require.EqualValues(t, 2*20, s.traffic.queries.Load())
	require.Len(t, got, 20)
	for _, list := range got {
		require.NotNil(t, list[0].Value)
		require.InDelta(t, pods*30/scrape.Seconds(), *list[0].Value, 1)
	}
}

func BenchmarkTick(b *testing.B) {
	for _, watches := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(watches), func(b *testing.B) {
			s, err := open(b.Context(), watches, b.TempDir())
			require.NoError(b, err)
			defer func() { require.NoError(b, s.server.Stop()) }()
			b.ReportAllocs()
			for b.Loop() {
				counted, err := s.tick(b.Context(), 3)
				require.NoError(b, err)
				require.Equal(b, watches*pods*len(policy()), counted)
			}
			b.ReportMetric(float64(s.traffic.queries.Load())/float64(b.N+1), "queries/op")
		})
	}
}
