package analyzer

import "time"

// This file leaves out of a baseline what was an incident of its own: a service that failed for ten minutes of the last hour
// does not fail normally.

const (
	// incidentStep is the number of ticks that are looked at together.
	incidentStep = 8
	// incidentPart is the part of a baseline that an incident may make up at the most.
	incidentPart = 0.3
	// incidentTimes is how many times worse than the rest it must be, incidentBad how many bad requests more it must have.
	incidentTimes = 5
	incidentBad   = 50
)

// incident finds the one stretch of ticks that is far worse than all the rest, if there is one. A stretch that reaches to the
// end of what was served is none: it may be what goes on.
func incident(ticks []Counts) (from, to int, found bool) {
	ticks = served(ticks)
	blocks := make([]Counts, 0, len(ticks)/incidentStep)
	for i := 0; i+incidentStep <= len(ticks); i += incidentStep {
		blocks = append(blocks, sumOf(ticks[i:i+incidentStep]))
	}
	longest := int(incidentPart * float64(len(blocks)))
	worst := 0.0
	for first := range blocks {
		for last := first + 1; last <= min(first+longest, len(blocks)-1); last++ {
			inside := sumOf(blocks[first:last])
			outside := sumOf(blocks[:first]).Plus(sumOf(blocks[last:]))
			if excess, far := farWorse(inside, outside); far && excess > worst && whole(blocks, first, last, outside) {
				from, to, worst, found = first*incidentStep, last*incidentStep, excess, true
			}
		}
	}
	return from, to, found
}

// served are the ticks up to the last in which anything was counted: a version that is taken away before the next one starts shows
// nothing in between.
func served(ticks []Counts) []Counts {
	for len(ticks) > 0 && ticks[len(ticks)-1].N == 0 {
		ticks = ticks[:len(ticks)-1]
	}
	return ticks
}

// whole reports whether a stretch of blocks begins and ends with bad ones, and the blocks beside it are none.
func whole(blocks []Counts, first, last int, outside Counts) bool {
	return starkly(blocks[first], outside) && starkly(blocks[last-1], outside) &&
		!starkly(blocks[last], outside) && (first == 0 || !starkly(blocks[first-1], outside))
}

// starkly reports whether a block by itself is far worse than the rest.
func starkly(block, outside Counts) bool {
	usual, _ := outside.Ratio()
	ratio, _ := block.Ratio()
	return ratio > 0 && ratio >= incidentTimes*usual
}

// farWorse reports by how many bad requests one part exceeds what the other makes expect, and whether that is far.
func farWorse(inside, outside Counts) (excess float64, far bool) {
	usual, served := outside.Ratio()
	ratio, counted := inside.Ratio()
	if !served || !counted {
		return 0, false
	}
	usual = max(usual, 1/float64(outside.N))
	excess = float64(inside.K) - usual*float64(inside.N)
	return excess, ratio >= incidentTimes*usual && excess >= incidentBad
}

// withoutIncident leaves the incident out of a baseline's counts and ticks, and says when it was.
func (b Baseline) withoutIncident() Baseline {
	from, to, found := incident(b.Ticks)
	if !found {
		return b
	}
	begins := func(tick int) time.Time { return b.To.Add(-b.Step * time.Duration(len(b.Ticks)-tick)) }
	b.Incident = &Span{From: begins(from), At: begins(to)}
	bad := sumOf(b.Ticks[from:to])
	b.Counts = Counts{N: b.Counts.N - min(b.Counts.N, bad.N), K: b.Counts.K - min(b.Counts.K, bad.K)}
	b.Ticks = append(append([]Counts(nil), b.Ticks[:from]...), b.Ticks[to:]...)
	return b
}
