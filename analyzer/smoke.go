package analyzer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"
)

// Smoke is what a smoke test asks and when; of KindSmoke. It has either HTTP checks or the template of a Job.
type Smoke struct {
	HTTP []HTTPCheck `json:"http,omitempty"`
	// Job is a JobSpec of Kubernetes' batch/v1. One round is one Job.
	Job json.RawMessage `json:"job,omitempty"`
	// Every is the time between two rounds.
	Every time.Duration `json:"every"`
	// Attempts is how often a check is tried before it has failed in a round, Failures in how many rounds in a row some check
	// must have failed.
	Attempts int `json:"attempts"`
	Failures int `json:"failures"`
}

// HTTPCheck is one request and what its answer must be like.
type HTTPCheck struct {
	// URL may hold {namespace}, {workload} and {version}.
	URL    string `json:"url"`
	Method string `json:"method,omitempty"`
	Status int    `json:"status"`
	// Body is a regular expression that the beginning of the body must match.
	Body string `json:"body,omitempty"`
	// Timeout bounds one attempt, Latency is how long the answer may take; no limit if zero.
	Timeout time.Duration `json:"timeout"`
	Latency time.Duration `json:"latency,omitempty"`
}

// SmokeRound is what came of one round of a smoke test.
type SmokeRound struct {
	At time.Time `json:"at"`
	// Job is the name of the Job that the round was; empty of HTTP checks. A Job counts once, however often it is told of.
	Job string `json:"job,omitempty"`
	// N checks were made, K of which failed; Error says how the first of those did. Without any, Error says why there is no
	// data.
	N     int    `json:"n"`
	K     int    `json:"k,omitempty"`
	Error string `json:"error,omitempty"`
	// Before says that the release did not serve yet, or not alone.
	Before bool `json:"before,omitempty"`
	// OthersPassed and OthersFailed are how many other workloads passed and failed their own smoke tests at the time.
	OthersPassed int `json:"othersPassed,omitempty"`
	OthersFailed int `json:"othersFailed,omitempty"`
}

func (r SmokeRound) failed() bool { return r.K > 0 }

// noData reports whether the round could not be run, for reasons that are not the release's and not the test's.
func (r SmokeRound) noData() bool { return r.N == 0 && r.Error != "" }

// passed is how people are told of a round in which nothing failed.
func (r SmokeRound) passed() string {
	if r.Job != "" {
		return "all " + fmt.Sprint(r.N) + " checks passed, by Job " + r.Job
	}
	return fmt.Sprintf("all %d checks passed", r.N)
}

// smokeState is what the judge remembers of a smoke test.
type smokeState struct {
	// passed says that the test has been seen to succeed, so that what fails is not the test.
	passed bool
	// before is what was wrong before the release, newest is the newest round of the release.
	before, newest SmokeRound
	// latest is when the newest round began.
	latest time.Time
	// missed says why the newest round gave no data; empty if it did.
	missed string
	// failures are the rounds in a row that failed, since the first of them. Rounds without data neither count nor end the row.
	failures int
	since    time.Time
}

// stepSmoke folds one tick. Between two rounds what the newest one showed holds.
func stepSmoke(sig Signal, st smokeState, t Tick) (smokeState, Assessment, claim) {
	for _, r := range t.Signals[sig.Name].Smoke {
		st = st.fold(r)
	}
	a := newAssessment(sig, Baseline{}, t)
	a.Required = (sig.Smoke.Every * time.Duration(sig.Smoke.Failures-1)).Seconds()
	r := st.newest
	a.Counts = Counts{N: uint64(max(0, r.N)), K: uint64(max(0, r.K))}
	a.Value, _ = a.Counts.Ratio()
	switch {
	case st.missed != "":
		a.Counts, a.Value = Counts{}, 0
		a.Outcome, a.Verdict, a.Reason = OutcomeNoData, NoData, "the newest round gave no data: "+st.missed
		return st, a, claim{}
	case r.N == 0:
		a.Outcome, a.Verdict, a.Reason = OutcomeOK, Insufficient, "no round was run yet; the first one follows the end of the rollout"
		return st, a, claim{}
	case !r.failed():
		a.Outcome, a.Verdict, a.Reason = OutcomeOK, Healthy, r.passed()
		return st, a, claim{}
	}
	a.Outcome, a.Since, a.Held = OutcomeBreach, st.since, r.At.Sub(st.since).Seconds()
	a.Pods = fmt.Sprintf("%d of %d checks failed", r.K, r.N)
	a.Reason = fmt.Sprintf("%s in %d rounds in a row: %s", a.Pods, st.failures, r.Error)
	return st.blame(sig, a)
}

// fold takes in one round. Rounds of before the release only tell what the test is worth.
func (st smokeState) fold(r SmokeRound) smokeState {
	if !r.At.After(st.latest) || r.Job != "" && (r.Job == st.newest.Job || r.Job == st.before.Job) {
		return st // it was told of before
	}
	st.latest = r.At
	if r.noData() {
		if !r.Before {
			st.missed = r.Error
		}
		return st
	}
	st.passed = st.passed || !r.failed()
	switch {
	case r.Before:
		st.before = r
		return st
	case !r.failed():
		st.failures, st.since = 0, time.Time{}
	default:
		st.failures++
		if st.failures == 1 {
			st.since = r.At
		}
	}
	st.newest, st.missed = r, ""
	return st
}

// blame says whether rounds that fail are the release's doing.
func (st smokeState) blame(sig Signal, a Assessment) (smokeState, Assessment, claim) {
	r := st.newest
	a.Verdict = Insufficient
	switch {
	case st.failures < sig.Smoke.Failures:
		a.Reason += fmt.Sprintf("; %d rounds are needed", sig.Smoke.Failures)
		return st, a, claim{}
	case r.OthersFailed > 0 && r.OthersPassed == 0:
		a.Guard = fmt.Sprintf("the smoke tests of all other workloads (%d) fail too", r.OthersFailed)
	case !st.passed && st.before.failed():
		a.Guard = "it failed before the release too: " + st.before.Error
	}
	if a.Guard != "" {
		a.Verdict, a.Reason = External, a.Reason+"; but "+a.Guard
		return st, a, claim{}
	}
	a.Verdict = Regressed
	if !st.passed {
		a.Reason += "; " + neverPassed
	}
	return st, a, claim{sustained: true, doubtful: !st.passed}
}

// neverPassed is why a person decides on a smoke test.
const neverPassed = "it was never seen to succeed, so the test itself may be wrong, and a person must decide"

// Doubt says why a judgement that is Regressed is left to a person, empty if that is for its evidence.
func (j Judgement) Doubt() string {
	for _, a := range j.Signals {
		if a.Kind == KindSmoke && a.Verdict == Regressed {
			return cmp.Or(a.Reason, neverPassed)
		}
	}
	return ""
}
