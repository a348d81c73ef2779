package analyzer

import (
	"encoding/binary"
	"maps"
	"slices"
)

// row is a tick's Buckets in the form in which a watch keeps those of its whole window: a map takes ten times as much memory. It is
// never changed in place.
type row struct {
	// bounds are the buckets' names in order, which the rows of a watch mostly share.
	bounds []string
	// counts are as many numbers, each in as few bytes as it takes.
	counts []byte
}

// rowOf returns the row of buckets, with the bounds of another one if they are the same.
func rowOf(b Buckets, like row) row {
	if len(b) == 0 {
		return row{}
	}
	r := row{bounds: like.bounds}
	if !b.has(r.bounds) {
		r.bounds = slices.Sorted(maps.Keys(b))
	}
	var room [8 * binary.MaxVarintLen64]byte
	counts := room[:0]
	for _, le := range r.bounds {
		counts = binary.AppendUvarint(counts, b[le])
	}
	r.counts = slices.Clone(counts)
	return r
}

// has reports whether the bounds are all that b has.
func (b Buckets) has(bounds []string) bool {
	if len(bounds) != len(b) {
		return false
	}
	for _, le := range bounds {
		if _, ok := b[le]; !ok {
			return false
		}
	}
	return true
}

// addTo adds the row's counts to a sum.
func (r row) addTo(sum Buckets) {
	counts := r.counts
	for _, le := range r.bounds {
		n, size := binary.Uvarint(counts)
		sum[le] += n
		counts = counts[size:]
	}
}
