package watch

import (
	"path"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// Mode is what a watch may do about a release that is proven bad.
type Mode string

// The modes.
const (
	// Observe records what would have been done and does nothing.
	Observe Mode = "observe"
	// Approve asks a person, and rolls back when one agrees.
	Approve Mode = "approve"
	// Automatic rolls back.
	Automatic Mode = "automatic"
)

// Policy is how a service is judged and what may be done about it. A watch keeps the policy that it started with.
type Policy struct {
	Name  string  `json:"name"`
	Match []Match `json:"match,omitempty"`
	// Stages are the monitoring windows in order; the last one's end is the watch's end.
	Stages []Stage `json:"stages"`
	// Overruled says that the daemon was started to observe: the stages have that mode, whatever the configuration says.
	Overruled bool              `json:"overruled,omitempty"`
	Signals   []analyzer.Signal `json:"signals"`
	// Alpha and MinBreach are those of analyzer.Rules.
	Alpha     float64       `json:"alpha,omitempty"`
	MinBreach time.Duration `json:"minBreach,omitempty"`
	// BaselineWindow is how long before the deployment the baseline starts.
	BaselineWindow time.Duration `json:"baselineWindow"`
	// MinServing is how long a version must have served before the deployment to be held good without a record.
	MinServing time.Duration `json:"minServing"`
	// SettleFor is how long the cluster may take to show the version that the event names; see Settling.
	SettleFor time.Duration `json:"settleFor"`
	Verify    Verify        `json:"verify"`
	// ReadyWithin is how long the old colour of a switch may take to get ready after it was scaled up; zero means that it is
	// not scaled up.
	ReadyWithin time.Duration `json:"readyWithin,omitempty"`
	Canary      CanaryPolicy  `json:"canary,omitzero"`
	// ApprovalFor is how long a person may take to approve a rollback; zero means an hour.
	ApprovalFor time.Duration `json:"approvalFor,omitempty"`
	// Budgets bound automatic rollbacks; of these the cluster's is not the policy's. CoolDown is how long after a rollback of the
	// same workload none is made without a person, and AskInFreeze says that none is during a freeze.
	Budgets     Budgets       `json:"budgets,omitzero"`
	CoolDown    time.Duration `json:"coolDown,omitempty"`
	AskInFreeze bool          `json:"askInFreeze,omitempty"`
	// Unannounced has deployments watched that nobody has announced within AnnounceWithin; zero means DefaultAnnounceWithin.
	Unannounced    bool          `json:"unannounced,omitempty"`
	AnnounceWithin time.Duration `json:"announceWithin,omitempty"`
	// PageDrills has people told of drills as urgently as of what is no drill.
	PageDrills bool `json:"pageDrills,omitempty"`
	// GitOps is what becomes of a rollback that others who write the workload would undo; empty is refuse.
	GitOps rollback.GitOps `json:"gitops,omitempty"`
	// PauseAtSuspicion stops a rollout that is still going on while there is a suspicion against the release.
	PauseAtSuspicion bool `json:"pauseAtSuspicion,omitempty"`
	// EarlyPass ends a watch as healthy once that is proven.
	EarlyPass bool `json:"earlyPass,omitempty"`
	// Peers and Dependencies are how what is not the release's doing is told from what is (analyzer.Around).
	Peers        bool                   `json:"peers,omitempty"`
	Dependencies *analyzer.Dependencies `json:"dependencies,omitempty"`
	// Migration takes the database back with a release that changed its schema; nil if nothing can.
	Migration *Migration `json:"migration,omitempty"`
}

// Stage is one monitoring window.
type Stage struct {
	Name string `json:"name"`
	// Until is when the stage ends, counted from the deployment's start.
	Until time.Duration `json:"until"`
	// Interval is the time between two ticks.
	Interval time.Duration `json:"interval"`
	Mode     Mode          `json:"mode"`
}

// Verify says how a rollback is checked.
type Verify struct {
	// For is how long every signal must be within its limit.
	For time.Duration `json:"for"`
	// Deadline is how long the rollout, and after it the signals, may take to get there.
	Deadline time.Duration `json:"deadline"`
	// GuardFor is how long after the end it is looked whether the release comes back.
	GuardFor time.Duration `json:"guardFor,omitempty"`
}

// Match selects workloads by shell patterns (as of path.Match); an empty pattern matches everything.
type Match struct {
	Environment string `json:"environment,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Workload    string `json:"workload,omitempty"`
}

// Matches reports whether the target is one of those selected.
func (m Match) Matches(t event.Target) bool {
	return glob(m.Environment, t.Environment) && glob(m.Namespace, t.Namespace) && glob(m.Workload, t.Workload)
}

func glob(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// Covers reports whether the policy may be used for the target. A policy without any match covers everything.
func (p Policy) Covers(t event.Target) bool {
	if len(p.Match) == 0 {
		return true
	}
	for _, m := range p.Match {
		if m.Matches(t) {
			return true
		}
	}
	return false
}

// ChoosePolicy returns the policy that the event asks for, or else the first that covers its workload; nil if none
// does. It is refused to name a policy that does not cover the workload: a publisher could pick a laxer one.
func ChoosePolicy(policies []Policy, e event.Event) (*Policy, *event.Rejection) {
	for i := range policies {
		p := &policies[i]
		if p.Covers(e.Target()) && (e.Policy == "" || e.Policy == p.Name) {
			return p, nil
		}
	}
	if e.Policy != "" {
		return nil, &event.Rejection{
			Code: event.CodeUnauthorised, Field: "policy", Value: event.Quote(e.Policy),
			Reason: event.Quote(e.Policy) + " is not one of the policies that cover this workload",
			Fix:    "leave it out to get the default, or have the policy's match include the workload",
		}
	}
	return nil, nil
}

// stageAt returns the stage that a moment so long after the deployment's start falls into; the last one also holds
// what comes after its end.
func (p Policy) stageAt(since time.Duration) Stage {
	for _, s := range p.Stages {
		if since < s.Until {
			return s
		}
	}
	return p.Stages[len(p.Stages)-1]
}

// End is how long after the deployment's start the watch ends.
func (p Policy) End() time.Duration { return p.Stages[len(p.Stages)-1].Until }

// Scrape is the longest scrape interval of the signals: how long after a tick its samples are sure to be there.
func (p Policy) Scrape() time.Duration {
	var longest time.Duration
	for _, s := range p.Signals {
		longest = max(longest, s.Scrape)
	}
	return longest
}

// Rules are what the judge needs of the policy.
func (p Policy) Rules() analyzer.Rules {
	return analyzer.Rules{Signals: p.Signals, Alpha: p.Alpha, MinBreach: p.MinBreach, Guarded: p.guarded()}
}

// OverHistory is the policy as far as the history of Prometheus can judge by it: nobody asked a service of the past anything.
func (p Policy) OverHistory() Policy {
	p.Signals = slices.DeleteFunc(slices.Clone(p.Signals), func(s analyzer.Signal) bool { return s.Kind == analyzer.KindSmoke })
	return p
}

// guarded reports whether others are looked at before anything is laid to a release.
func (p Policy) guarded() bool { return p.Peers || p.Dependencies != nil }

// verifyRules judge whether a rollback helped. What is in doubt is not the version but the service, and it may take a while
// to recover, so only a breach that is held for as long as the runbook's rule says tells that it did not.
func (p Policy) verifyRules() analyzer.Rules {
	r := p.Rules()
	r.Signals, r.Guarded = slices.Clone(r.Signals), false
	for i := range r.Signals {
		r.Signals[i].Strict = true
	}
	return r
}
