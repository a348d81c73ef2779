package judge

import (
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/backtest"
	"github.com/rollbackd/rollbackd/test/recorded/recording"
)

// This file finds the incidents of a recording by plain counting, without the judge: whoever looks at a placebo that would have been rolled
// back looks at this.

const (
	// spell is how long a stretch is looked at, in unstretched time. It is an incident if it has so many requests and one in ten of
	// them failed, or one in four was slow.
	spell        = 5 * time.Second
	leastOfSpell = 20
	failedOf     = 10
	slowOf       = 4
)

// tallies are what was counted in each second.
type tallies map[int64]*tally

type tally struct{ requests, failed, slow int64 }

// Reading says how a workload's series are counted.
type Reading struct {
	// Prefix begins the names of its metrics, Failing the codes that are failures; Bound is above what a request is slow.
	Prefix, Failing, Bound string
}

// ReadingOf is the reading of a recorded workload, which is that of its policy.
func ReadingOf(workload string) Reading {
	if workload == "catalogue" {
		return Reading{Prefix: "http_request", Failing: "5", Bound: "0.075"}
	}
	return Reading{Prefix: "apiserver_request", Failing: "45", Bound: "0.05"}
}

// bySecond counts what grew in each second.
func (how Reading) bySecond(r recording.Recording) tallies {
	out := tallies{}
	for _, s := range r.Series {
		name := s.Labels["__name__"]
		if !strings.HasPrefix(name, how.Prefix) {
			continue
		}
		for i := 1; i < len(s.Samples); i++ {
			grown := recording.Series{Samples: s.Samples[i-1 : i+1]}.Grown()
			second := s.Samples[i].T / 1000
			if out[second] == nil {
				out[second] = &tally{}
			}
			out[second].add(how, s.Labels, grown)
		}
	}
	return out
}

func (t *tally) add(how Reading, labels map[string]string, n int64) {
	switch {
	case strings.HasSuffix(labels["__name__"], "_total"):
		if t.requests += n; strings.ContainsAny(labels["code"][:1], how.Failing) {
			t.failed += n
		}
	case labels["le"] == "+Inf":
		t.slow += n
	case labels["le"] == how.Bound:
		t.slow -= n
	}
}

// Counted are all requests of a recording, and how many of them failed or were slow.
func (how Reading) Counted(r recording.Recording) (requests, failed, slow int64) {
	for _, t := range how.bySecond(r) {
		requests, failed, slow = requests+t.requests, failed+t.failed, slow+t.slow
	}
	return requests, failed, slow
}

// Incidents are the seconds at whose end a spell was an incident, sorted.
func (how Reading) Incidents(r recording.Recording) []int64 {
	var out []int64
	counted := how.bySecond(r)
	for second := range counted {
		var sum tally
		for back := range int64(spell / time.Second) {
			if t := counted[second-back]; t != nil {
				sum.requests, sum.failed, sum.slow = sum.requests+t.requests, sum.failed+t.failed, sum.slow+t.slow
			}
		}
		if sum.requests >= leastOfSpell && (sum.failed*failedOf >= sum.requests || sum.slow*slowOf >= sum.requests) {
			out = append(out, second)
		}
	}
	slices.Sort(out)
	return out
}

// During reports whether a placebo was decided during an incident, or within ten seconds after one.
func During(r recording.Recording, o backtest.Outcome, incidents []int64) bool {
	if o.DecidedAt == nil {
		return false
	}
	from, _ := r.Span()
	at := from.Add(o.DecidedAt.Sub(from) / Stretch).Unix()
	i, _ := slices.BinarySearch(incidents, at-10)
	return i < len(incidents) && incidents[i] <= at+1
}
