// Package report turns what the ledger keeps of deployments into the figures of a review: how often is deployed, how much of it was bad,
// and how long it took to find out and to be well again. It is pure: the same digests give the same report.
//
// Every rate has its count and an interval, because a percentage of three deployments says nothing, and looks as if it did.
package report

import (
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// Scope is what a report is about.
type Scope struct {
	Environment string `json:"environment"`
	// Namespace is empty for all.
	Namespace string `json:"namespace,omitempty"`
	// From and To are the period, To being the moment at which the report is made. It is compared with the period of the same length
	// before From.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Start is when the period begins that is compared with: what must be read of the ledger.
func (s Scope) Start() time.Time { return s.From.Add(s.From.Sub(s.To)) }

// Report is what a review looks at.
type Report struct {
	Scope
	// RecordsFrom is when the oldest record was accepted of those that the report was made from. Where it is after the beginning of a
	// period, that one may be known in part only.
	RecordsFrom time.Time `json:"recordsFrom,omitzero"`
	Period      Figures   `json:"period"`
	Before      Figures   `json:"before"`
	// FailureRateChange says how the change failure rate differs from that of the period before: lower, higher, or "no clear change",
	// where chance alone may explain the difference.
	FailureRateChange Change `json:"failureRateChange"`

	Weeks      []Week  `json:"weeks"`
	Namespaces []Group `json:"namespaces"`
	Services   []Group `json:"services"`
	// Failures are the deployments of the period that were bad, the newest first.
	Failures []Failure `json:"failures"`
	Drills   []Drill   `json:"drills"`
	// Rehearsals sums the drills up.
	Rehearsals Rehearsals `json:"rehearsals"`
	// Reviews are the postmortems that are open at the end of the period, whenever the incident was.
	Reviews []Review `json:"openPostmortems"`
}

// Week is the part of the period that falls into a week, which begins on Monday at midnight UTC.
type Week struct {
	Begins time.Time `json:"begins"`
	// Partial says that the period does not hold all of it.
	Partial bool `json:"partial,omitempty"`
	Figures
}

// Group is what a namespace or a workload has to do with the figures.
type Group struct {
	Namespace string `json:"namespace"`
	// Workload is empty for the whole namespace.
	Workload string `json:"workload,omitempty"`
	Figures
}

// Failure is one deployment that was bad.
type Failure struct {
	Incident  string    `json:"incident,omitempty"`
	Deployed  time.Time `json:"deployed"`
	Namespace string    `json:"namespace"`
	Workload  string    `json:"workload"`
	Version   string    `json:"version"`
	State     string    `json:"state"`
	Signal    string    `json:"signal,omitempty"`
	// ByHand says that a person asked for the rollback and no signal did.
	ByHand bool `json:"byHand,omitempty"`
	// ByPerson says that a person approved or ordered the rollback.
	ByPerson bool `json:"byPerson,omitempty"`
	// Detect, RollBack and Restore are in seconds, nil where they are not known.
	Detect   *float64 `json:"detectSeconds,omitempty"`
	RollBack *float64 `json:"rollBackSeconds,omitempty"`
	Restore  *float64 `json:"restoreSeconds,omitempty"`
}

// Drill is one rehearsal. Its times are counted from the deployment's start.
type Drill struct {
	Record    string    `json:"record,omitempty"`
	Deployed  time.Time `json:"deployed"`
	Namespace string    `json:"namespace"`
	Workload  string    `json:"workload"`
	State     string    `json:"state"`
	// Recovered says that rollbackd rolled it back and saw the service to be well after that.
	Recovered bool     `json:"recovered"`
	Detect    *float64 `json:"detectSeconds,omitempty"`
	Restore   *float64 `json:"restoreSeconds,omitempty"`
	// Passed says whether the drill was passed, as who carried it out said; nil if nobody did. Missed says why it was not.
	Passed *bool  `json:"passed,omitempty"`
	Missed string `json:"missed,omitempty"`
	// RestoredBy is who put the good version back, By who carried the drill out.
	RestoredBy string `json:"restoredBy,omitempty"`
	By         string `json:"by,omitempty"`
}

// Review is a postmortem that is open.
type Review struct {
	Name      string    `json:"name"`
	Incident  string    `json:"incident"`
	Namespace string    `json:"namespace"`
	Workload  string    `json:"workload"`
	Due       time.Time `json:"due,omitzero"`
	Overdue   bool      `json:"overdue,omitempty"`
}

// Make reports on digests, in any order. Those outside of the scope are passed over.
func Make(digests []incident.Digest, s Scope) Report {
	r := Report{Scope: s, Failures: []Failure{}, Drills: []Drill{}, Reviews: []Review{}, Weeks: []Week{}, Namespaces: []Group{}, Services: []Group{}}
	all := relevant(digests, s)
	for _, d := range all {
		if at := d.At(); r.RecordsFrom.IsZero() || at.Before(r.RecordsFrom) {
			r.RecordsFrom = at
		}
	}
	changes := changesOf(all)
	now, before := within(changes, s.From, s.To), within(changes, s.Start(), s.From)
	r.Period, r.Before = figuresOf(now, s.To.Sub(s.From)), figuresOf(before, s.To.Sub(s.From))
	r.FailureRateChange = compare(r.Before.FailureRate, r.Period.FailureRate)
	r.Weeks = weeks(now, s)
	r.Namespaces = groups(now, s, func(c change) Group { return Group{Namespace: c.Namespace} })
	r.Services = groups(now, s, func(c change) Group { return Group{Namespace: c.Namespace, Workload: c.Workload} })
	for _, c := range now {
		if c.failed {
			r.Failures = append(r.Failures, c.failure())
		}
	}
	for _, d := range all {
		if d.Drill && s.holds(d) {
			r.Drills = append(r.Drills, drillOf(d))
		}
		if p := d.Postmortem; p != nil && p.DoneAt.IsZero() && !d.Drill {
			r.Reviews = append(r.Reviews, Review{Name: p.Name(), Incident: d.Incident, Namespace: d.Namespace, Workload: d.Workload, Due: p.Due,
				Overdue: !p.Due.IsZero() && p.Due.Before(s.To)})
		}
	}
	r.Rehearsals = rehearsalsOf(r.Drills)
	slices.SortStableFunc(r.Failures, func(a, b Failure) int { return b.Deployed.Compare(a.Deployed) })
	slices.SortStableFunc(r.Drills, func(a, b Drill) int { return b.Deployed.Compare(a.Deployed) })
	slices.SortStableFunc(r.Reviews, func(a, b Review) int { return strings.Compare(a.Name, b.Name) })
	return r
}

// relevant are the digests of the scope's environment and namespace, of each watch one, in the order in which they were accepted.
func relevant(digests []incident.Digest, s Scope) []incident.Digest {
	newest := map[string]incident.Digest{}
	for _, d := range digests {
		known, again := newest[d.Watch]
		if d.Environment != s.Environment || s.Namespace != "" && d.Namespace != s.Namespace || d.At().After(s.To) || again && known.Seq >= d.Seq {
			continue
		}
		newest[d.Watch] = d
	}
	out := make([]incident.Digest, 0, len(newest))
	for _, d := range newest {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b incident.Digest) int {
		if c := a.At().Compare(b.At()); c != 0 {
			return c
		}
		return strings.Compare(a.Watch, b.Watch)
	})
	return out
}

// holds reports whether the deployment was announced within the period.
func (s Scope) holds(d incident.Digest) bool { return !d.At().Before(s.From) && d.At().Before(s.To) }

// seconds is the time between two instants; nil if one is not known, or if they are the wrong way round: then clocks differ.
func seconds(from, to time.Time) *float64 {
	if from.IsZero() || to.IsZero() || to.Before(from) {
		return nil
	}
	return new(to.Sub(from).Seconds())
}
