package analyzer

import (
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The sum of rows is that of the Buckets that they were made of, whatever bounds these have.
func TestRowsAddUpAsBucketsDo(t *testing.T) {
	names := []string{"0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"}
	eachSeed(t, 200, func(t *testing.T, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var want Buckets
		var newest row
		got := Buckets{}
		for range 20 {
			b := Buckets{}
			for _, name := range names[:rnd.IntN(len(names)+1)] {
				b[name] = rnd.Uint64() >> rnd.IntN(64)
			}
			before := maps.Clone(b)
			want = want.Plus(b)
			newest = rowOf(b, newest)
			newest.addTo(got)
			require.Equal(t, before, b)
		}
		if len(want) == 0 {
			want = Buckets{}
		}
		require.Equal(t, want, got)
	})
}

// Rows with the same bounds share them.
func TestRowsShareTheirBounds(t *testing.T) {
	first := rowOf(Buckets{"0.5": 3, "+Inf": 1 << 40}, row{})
	second := rowOf(Buckets{"0.5": 0, "+Inf": 7}, first)
	require.Same(t, &first.bounds[0], &second.bounds[0])
	other := rowOf(Buckets{"0.5": 0, "1": 7}, first)
	require.Equal(t, []string{"0.5", "1"}, other.bounds)
	require.Zero(t, rowOf(nil, first))
}
