package backtest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// Placing says where placebos are put: at random times at which nothing was deployed.
type Placing struct {
	Policies []watch.Policy
	// Deployments are those that are known. Their workloads get the placebos.
	Deployments []event.Event
	// From and Until are the time of which there are samples.
	From, Until time.Time
	// PerWorkload is how many there are to be of each workload, Watch for how long each is watched at the most (zero: as long as
	// the policy says). The same Seed gives the same times.
	PerWorkload int
	Watch       time.Duration
	Seed        uint64
}

// Unplaced is a workload that there are no placebos of, and why.
type Unplaced struct {
	Target event.Target
	Why    string
}

// Placebos returns the placebos of all workloads, in order of time, and the workloads without. A placebo's baseline begins after
// the workload's last deployment before it, and its watch ends before the next one, by a quarter of an hour each, as an event
// may be that far from its rollout. Of other workloads nothing is asked: they are deployed beside every release.
//
// The times are spread: the time that is free is cut into as many equal parts as there are placebos, and each part gets one.
func (p Placing) Placebos() ([]Placebo, []Unplaced) {
	var out []Placebo
	var without []Unplaced
	for _, t := range p.targets() {
		asked, taken := p.of(t)
		policy, _ := watch.ChoosePolicy(p.Policies, asked)
		if policy == nil {
			without = append(without, Unplaced{t, "no policy covers it"})
			continue
		}
		watched := policy.End()
		if p.Watch > 0 {
			watched = min(watched, p.Watch)
		}
		before := policy.BaselineWindow + 2*policy.Scrape()
		free := gaps(p.From.Add(before), p.Until.Add(-watched), spans(taken, before, watched))
		if length(free) == 0 {
			without = append(without, Unplaced{t, fmt.Sprintf("nowhere between %s and %s is there %s without a deployment of it; a longer span of time or a shorter watch may help",
				p.From.UTC().Format(time.RFC3339), p.Until.UTC().Format(time.RFC3339), short(before+watched))})
			continue
		}
		for i, at := range p.times(t, free) {
			e := event.Event{
				ID: fmt.Sprintf("placebo-%s-%s-%d", t.Namespace, t.Workload, i+1), Timestamp: at, Environment: t.Environment, Namespace: t.Namespace, Workload: t.Workload,
				Kind: asked.Kind, Strategy: event.StrategyRolling, Status: event.StatusSuccess, Version: fmt.Sprintf("placebo %d", i+1), Policy: asked.Policy,
			}
			out = append(out, Placebo{Event: e, Watch: watched, Seed: p.Seed})
		}
	}
	slices.SortStableFunc(out, func(a, b Placebo) int { return a.Event.Timestamp.Compare(b.Event.Timestamp) })
	return out, without
}

// targets lists the workloads, sorted.
func (p Placing) targets() []event.Target {
	var out []event.Target
	for _, e := range p.Deployments {
		out = append(out, e.Target())
	}
	slices.SortFunc(out, func(a, b event.Target) int {
		return cmp.Or(strings.Compare(a.Environment, b.Environment), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Workload, b.Workload))
	})
	return slices.Compact(out)
}

// of returns the newest deployment of a workload, and when it was deployed; a switch to or from its other colour is one too.
func (p Placing) of(t event.Target) (newest event.Event, at []time.Time) {
	for _, e := range p.Deployments {
		other := e.Target()
		other.Workload = otherColour(e)
		if e.Target() != t && other != t {
			continue
		}
		at = append(at, e.Timestamp)
		if e.Target() == t && !e.Timestamp.Before(newest.Timestamp) {
			newest = e
		}
	}
	return newest, at
}

// times draws one from each of as many equal parts of the free time, to the second.
func (p Placing) times(t event.Target, free []gap) []time.Time {
	one := Placebo{Event: event.Event{Environment: t.Environment, Namespace: t.Namespace, Workload: t.Workload, ID: "placebos"}}
	rnd := rand.New(rand.NewPCG(p.Seed, (&placebo{Placebo: one}).number("")))
	part := float64(length(free)) / float64(p.PerWorkload)
	var out []time.Time
	for i := range p.PerWorkload {
		out = append(out, within(free, time.Duration((float64(i)+rnd.Float64())*part)).Truncate(time.Second))
	}
	return out
}

// gap is a span of free time.
type gap struct{ from, until time.Time }

// spans are the times at which a placebo would be too near to a deployment.
func spans(deployments []time.Time, before, watched time.Duration) []gap {
	var out []gap
	for _, at := range deployments {
		out = append(out, gap{at.Add(-lead - watched), at.Add(lead + before)})
	}
	slices.SortFunc(out, func(a, b gap) int { return a.from.Compare(b.from) })
	return out
}

// gaps are what the taken spans, the earliest first, leave of the time between two.
func gaps(from, until time.Time, taken []gap) []gap {
	var out []gap
	for _, t := range taken {
		if end := earliestOf(t.from, until); end.After(from) {
			out = append(out, gap{from, end})
		}
		from = latest(from, t.until)
	}
	if until.After(from) {
		out = append(out, gap{from, until})
	}
	return out
}

func earliestOf(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func length(gaps []gap) (sum time.Duration) {
	for _, g := range gaps {
		sum += g.until.Sub(g.from)
	}
	return sum
}

// within is the time so far into the gaps, laid end to end.
func within(gaps []gap, offset time.Duration) time.Time {
	for _, g := range gaps {
		if d := g.until.Sub(g.from); offset >= d && g != gaps[len(gaps)-1] {
			offset -= d
			continue
		}
		return g.from.Add(offset)
	}
	return time.Time{}
}
