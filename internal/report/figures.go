package report

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Figures are the numbers of a span of time.
type Figures struct {
	// Days is the length of the span.
	Days float64 `json:"days"`
	// Deployments are those that the cluster showed; PerWeek is how many a week they are.
	Deployments int     `json:"deployments"`
	PerWeek     float64 `json:"perWeek"`
	// Unannounced are those of the deployments of which no event told.
	Unannounced int `json:"unannounced"`
	// Unjudged are those of which it is not known how they were: superseded, aborted, or without data.
	Unjudged int `json:"unjudged"`
	// Unseen were announced and are no deployments: the version never came, or the workload is not watched.
	Unseen int `json:"unseen"`
	// FailureRate is the change failure rate: the deployments that were bad, of all.
	FailureRate Rate `json:"failureRate"`
	// RolledBack were taken back, ByPerson of them with a person's word. LeftLive were bad and not rolled back.
	RolledBack int `json:"rolledBack"`
	ByPerson   int `json:"byPerson"`
	LeftLive   int `json:"leftLive"`
	// FalseRollbacks did not help: the service was still bad after them, so that the release was not the cause, or not the only one. They are
	// counted of those rollbacks after which that was known; of Unverified ones it was not.
	FalseRollbacks Rate `json:"falseRollbacks"`
	Unverified     int  `json:"unverified"`

	Detect   Spans `json:"timeToDetect"`
	RollBack Spans `json:"timeToRollBack"`
	Restore  Spans `json:"timeToRestore"`
}

// Spans sums up times, in seconds.
type Spans struct {
	Count   int     `json:"count"`
	Median  float64 `json:"medianSeconds,omitempty"`
	P95     float64 `json:"p95Seconds,omitempty"`
	Longest float64 `json:"longestSeconds,omitempty"`
}

// enoughForP95 is from how many times on the 95th percentile is another one than the longest.
const enoughForP95 = 20

func figuresOf(changes []change, span time.Duration) Figures {
	f := Figures{Days: math.Round(span.Hours()/24*100) / 100}
	var failed, helped, useless int
	var detect, rollBack, restore []float64
	for _, c := range changes {
		if !c.seen && !c.failed {
			f.Unseen++
			continue
		}
		f.Deployments++
		f.Unannounced += count(c.Unannounced)
		f.Unjudged += count(!c.judged())
		failed += count(c.failed)
		if !c.failed {
			continue
		}
		f.RolledBack += count(c.RolledBack)
		f.ByPerson += count(c.RolledBack && c.By != "")
		f.LeftLive += count(!c.RolledBack)
		helped += count(c.State == stateRolledBack)
		useless += count(c.State == stateNotRecovered)
		f.Unverified += count(c.State == stateUnverified)
		detect, rollBack, restore = add(detect, c.detect()), add(rollBack, c.rollBack()), add(restore, c.restore())
	}
	if weeks := span.Hours() / (24 * 7); weeks > 0 {
		f.PerWeek = math.Round(float64(f.Deployments)/weeks*100) / 100
	}
	f.FailureRate, f.FalseRollbacks = NewRate(failed, f.Deployments), NewRate(useless, useless+helped)
	f.Detect, f.RollBack, f.Restore = spansOf(detect), spansOf(rollBack), spansOf(restore)
	return f
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

func add(all []float64, one *float64) []float64 {
	if one == nil {
		return all
	}
	return append(all, *one)
}

func spansOf(all []float64) Spans {
	n := len(all)
	if n == 0 {
		return Spans{}
	}
	slices.Sort(all)
	return Spans{Count: n, Median: (all[(n-1)/2] + all[n/2]) / 2, P95: all[int(math.Ceil(0.95*float64(n)))-1], Longest: all[n-1]}
}

// weeks cuts the period into weeks, those without a deployment included.
func weeks(changes []change, s Scope) []Week {
	out := []Week{}
	i := 0
	for begins := mondayOf(s.From); begins.Before(s.To); begins = begins.AddDate(0, 0, 7) {
		ends := begins.AddDate(0, 0, 7)
		from, to := begins, ends
		if from.Before(s.From) {
			from = s.From
		}
		if to.After(s.To) {
			to = s.To
		}
		first := i
		for i < len(changes) && changes[i].At().Before(to) {
			i++
		}
		out = append(out, Week{Begins: begins, Partial: from != begins || to != ends, Figures: figuresOf(changes[first:i], to.Sub(from))})
	}
	return out
}

func mondayOf(t time.Time) time.Time {
	t = t.UTC()
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
}

// groups sums up what belongs together, those with the most failures first.
func groups(changes []change, s Scope, of func(change) Group) []Group {
	members := map[Group][]change{}
	for _, c := range changes {
		g := of(c)
		members[g] = append(members[g], c)
	}
	out := make([]Group, 0, len(members))
	for g, its := range members {
		g.Figures = figuresOf(its, s.To.Sub(s.From))
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.FailureRate.Count, a.FailureRate.Count), cmp.Compare(b.Deployments, a.Deployments),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Workload, b.Workload))
	})
	return out
}
