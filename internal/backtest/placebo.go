package backtest

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// Comparison says what a placebo is compared with. A placebo is a deployment that never was, at a time at which nothing was
// deployed: whatever is found bad in it is no release's doing.
type Comparison string

// The comparisons.
const (
	// AgainstBefore takes all of the workload's series for the release, and judges them against the time before: what the judge
	// has where the old version does not serve beside the new one. It shows what comes and goes with time.
	AgainstBefore Comparison = "before"
	// HalfOfPods takes a random half of the pods for the release, and the others for the old version that serves beside it. It
	// shows how much pods of one version differ.
	HalfOfPods Comparison = "half-of-pods"
)

// Comparisons lists them.
func Comparisons() []Comparison { return []Comparison{AgainstBefore, HalfOfPods} }

// words say what was compared.
func (c Comparison) words() string {
	if c == HalfOfPods {
		return "half of its pods against the others"
	}
	return "everything against the time before"
}

// Placebo is a time at which a workload is judged as if it had been deployed.
type Placebo struct {
	// Event is what a deploy tool would have announced.
	Event event.Event
	// Watch is how long it is watched at the most; zero is for as long as its policy says.
	Watch time.Duration
	// Seed decides which half of the pods is called new.
	Seed uint64
}

// ReplayPlacebo judges a placebo in both ways, on samples that are read once. others are the deployments that really were, the oldest first.
func ReplayPlacebo(ctx context.Context, opts Options, p Placebo, others []event.Event) []Outcome {
	var out []Outcome
	var held map[string]*analyzer.History
	for _, how := range Comparisons() {
		r := &replay{Options: opts, event: p.Event, beside: Surrounding{Others: others}, placebo: &placebo{Placebo: p, how: how}, held: held}
		o := r.outcome(ctx)
		o.Compared, o.Next = how, how.words()
		if how == HalfOfPods && o.Err == nil && r.placebo.indivisible {
			o.Verdict, o.DecidedAt, o.Reason = analyzer.Insufficient, nil, "fewer than two of its pods can be told apart by the series, so there are no halves to compare"
			o.Indivisible = true
		}
		out = append(out, o)
		if held == nil {
			held = r.byName()
		}
	}
	return out
}

// byName are the histories that were read, by the names of their signals.
func (r *replay) byName() map[string]*analyzer.History {
	out := map[string]*analyzer.History{}
	for i, h := range r.histories {
		out[r.policy.Signals[i].Name] = h
	}
	return out
}

// placebo is how a replay goes that has no release.
type placebo struct {
	Placebo
	how Comparison
	// half are the pods that are called new from the start, sorted.
	half []string
	// indivisible says that there are no two halves.
	indivisible bool
}

// policy is that by which the placebo is judged. A pod that went away is not a release that fell silent, so of two halves no
// rollout is judged.
func (p *placebo) policy(policy watch.Policy) watch.Policy {
	if p != nil && p.how == HalfOfPods {
		policy.Signals = slices.DeleteFunc(slices.Clone(policy.Signals), func(s analyzer.Signal) bool { return s.Kind == analyzer.KindRollout })
	}
	return policy
}

// release is what is called the release at the placebo's time.
func (p *placebo) release(seen []sightings, scrape time.Duration) release {
	r := release{t0: p.Event.Timestamp}
	if p.how == AgainstBefore {
		r.members, r.undivided = analyzer.Whole(), true
		return r
	}
	pods := serving(seen, p.Event.Workload, p.Event.Timestamp, scrape)
	if p.indivisible = len(pods) < 2; p.indivisible {
		r.absent = true
		return r
	}
	rnd := rand.New(rand.NewPCG(p.Seed, p.number("")))
	rnd.Shuffle(len(pods), func(i, j int) { pods[i], pods[j] = pods[j], pods[i] })
	p.half = slices.Sorted(slices.Values(pods[:len(pods)/2]))
	r.placebo = p
	r.grow(census(seen, p.Event.Workload))
	return r
}

// pods are those that are called new: the half, and of those that came later each with a chance of one in two.
func (p *placebo) pods(c sighted) map[string]bool {
	return c.podsThat(func(s analyzer.Sighting) bool {
		if _, chosen := slices.BinarySearch(p.half, s.Pod); chosen {
			return true
		}
		return s.First.After(p.Event.Timestamp) && rand.New(rand.NewPCG(p.Seed, p.number(s.Pod))).IntN(2) == 0
	})
}

// number stands for a pod of this placebo.
func (p *placebo) number(pod string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.Event.Key() + "/" + pod))
	return h.Sum64()
}

// missed is how many scrapes a pod may have missed and still count as serving.
const missed = 4

// serving lists the pods that the series name at a time, sorted.
func serving(seen []sightings, workload string, at time.Time, scrape time.Duration) []string {
	var out []string
	for _, s := range seen {
		for _, one := range s.seen {
			theirs := one.Workload == "" || one.Workload == workload
			if s.labels.Pod != "" && one.Pod != "" && theirs && !one.First.After(at) && !one.Last.Before(at.Add(-missed*scrape)) {
				out = append(out, one.Pod)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
