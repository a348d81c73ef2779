package scenario

import (
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// random returns the generator of one part of the history, which no other part disturbs.
func random(seed uint64, part string) *rand.Rand { return rand.New(rand.NewPCG(seed, hashed(part))) }

func hashed(part string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, part) // A hash takes everything.
	return h.Sum64()
}

func uniform(rng *rand.Rand, from, to float64) float64 { return from + (to-from)*rng.Float64() }

func logUniform(rng *rand.Rand, from, to float64) float64 {
	return from * math.Exp(rng.Float64()*math.Log(to/from))
}

// poisson draws how many events happen where mean are expected.
func poisson(src rand.Source, mean float64) uint64 {
	if mean <= 0 {
		return 0
	}
	return uint64(distuv.Poisson{Lambda: mean, Src: src}.Rand())
}

// binomial draws how many of n events are of a kind that each is with probability p.
func binomial(src rand.Source, n uint64, p float64) uint64 {
	switch {
	case n == 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	}
	return min(n, uint64(distuv.Binomial{N: float64(n), P: p, Src: src}.Rand()))
}

// word draws n characters of the alphabet that Kubernetes names pods with.
func word(rng *rand.Rand, n int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return string(out)
}

// seconds is a time in seconds since the epoch.
func seconds(t time.Time) float64 { return inSeconds(t.UnixMilli()) }

func inSeconds(ms int64) float64 { return float64(ms) / 1000 }

func instant(seconds float64) time.Time {
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
}
