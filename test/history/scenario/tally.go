package scenario

import (
	"fmt"
	"slices"
	"time"
)

// Counts are whole numbers of requests.
type Counts struct {
	// Requests is all of them, Errors those that failed and Slow those that took longer than 0.6 s.
	Requests, Errors, Slow uint64
}

func (c Counts) plus(d Counts) Counts {
	return Counts{c.Requests + d.Requests, c.Errors + d.Errors, c.Slow + d.Slow}
}

// Version is one side of a deployment.
type Version int

// The versions.
const (
	// NewVersion is the one that was deployed.
	NewVersion Version = iota
	// OldVersion is the one that it took the place of.
	OldVersion
)

// Tally is what the samples of one version show over a span, known from making the requests up and not from the samples.
type Tally struct {
	Counts
	// Unplaced was counted too, but no reader can tell when: in a gap of more than 2.5 scrapes, or before the first sample
	// of a pod of the old version. It is not part of Counts.
	Unplaced Counts
}

// reading is what one scrape showed of a release that no scrape had shown before.
type reading struct {
	at      int64
	release *release
	counts  Counts
	// seen is when a scrape had shown requests before, or 0; joined tells that the series appeared on a target that was
	// scraped before. Times are in milliseconds.
	seen   int64
	joined bool
}

// Tally returns what the samples in (from, to] show of a version of the deployment with this id. It makes the
// deployment up once more. What the first sample of a pod shows, with none in three scrapes before the span either, is
// placed for the new version, whose pods are known to have started within the watch, and unplaced for the old one; the
// span of the new version should therefore begin at the deployment's start.
func (p *Plan) Tally(id string, v Version, from, to time.Time) (Tally, error) {
	i := slices.IndexFunc(p.Deployments, func(d Deployment) bool { return d.Truth.ID == id })
	if i < 0 {
		return Tally{}, fmt.Errorf("no deployment has the id %q", id)
	}
	r := p.Deployments[i].release
	if v == OldVersion {
		r = r.previous
	}
	var out Tally
	for _, t := range p.targetsOf(r.workload) {
		if !t.concerns(r) {
			continue
		}
		t.tell = func(reading reading) {
			if reading.release == r && reading.at > from.UnixMilli() && reading.at <= to.UnixMilli() {
				out.take(reading, placed(reading, from.UnixMilli(), t.every, v == NewVersion))
			}
		}
		t.run(to.UnixMilli()+1, discard)
	}
	return out, nil
}

// placed reports whether a reader of the span that starts at from can tell when the requests of a reading were answered.
func placed(r reading, from, every int64, fresh bool) bool {
	if r.seen <= from-3*every {
		return fresh || r.joined && r.seen == 0
	}
	return (r.at-r.seen)*2 <= every*5
}

// take adds a reading.
func (t *Tally) take(r reading, placed bool) {
	if placed {
		t.Counts = t.plus(r.counts)
	} else {
		t.Unplaced = t.Unplaced.plus(r.counts)
	}
}

func (t *target) concerns(r *release) bool {
	return slices.ContainsFunc(t.groups, func(g *group) bool {
		return slices.ContainsFunc(g.pods, func(p *pod) bool { return p.release == r })
	})
}
