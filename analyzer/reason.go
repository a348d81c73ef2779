package analyzer

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// This file puts the sustained rule's judgement of a tick that could be measured into words.

func (st SustainedState) verdict(sig Signal, base Baseline, a Assessment) (Verdict, string) {
	least := sig.Rule.MinRequests
	switch {
	case base.Problem != "" && sig.Kind == KindErrorRate:
		return Insufficient, "there is no usable baseline: " + base.Problem
	case base.Counts.N == 0 && sig.Kind == KindErrorRate:
		return Insufficient, "there is no baseline: the known-good version served no counted request before this deployment"
	case base.Counts.N < least && sig.Kind == KindErrorRate:
		return Insufficient, fmt.Sprintf("the baseline holds %d requests and needs %d", base.Counts.N, least)
	case a.Outcome != OutcomeBreach && st.total.N < least:
		return Insufficient, fmt.Sprintf("%d requests were counted so far and %d are needed", st.total.N, least)
	case a.Counts.N == 0:
		return Insufficient, fmt.Sprintf("no request was counted in the last %s", sig.Rule.Window)
	case a.Outcome != OutcomeBreach:
		return Healthy, a.measured() + ", within the limit of " + a.limit()
	case st.held <= sig.Rule.For:
		return Insufficient, a.measured() + ", over the limit of " + a.limit() + ", for " + st.held.String() + "; the rule acts after " + sig.Rule.For.String()
	case st.heldCounts.N < least:
		return Insufficient, fmt.Sprintf("over the limit for %s, but on %d requests where %d are needed", st.held, st.heldCounts.N, least)
	case !st.stillBreaching(a.Limit):
		return Insufficient, fmt.Sprintf("over the limit for %s, but no longer in the last %d ticks", st.held, len(st.newest()))
	}
	return Regressed, fmt.Sprintf("%s for %s; the limit is %s (%s)", a.measured(), st.held, a.limit(), grounds(sig, a))
}

// measured says what was measured: "34.50 % of requests failed", or "P95 was 812ms".
func (a Assessment) measured() string {
	if a.Kind == KindLatency {
		return fmt.Sprintf("%s was %s (%s of requests took longer than %s)",
			a.quantileName(), seconds(a.QuantileValue), percent(a.Value), seconds(a.LimitLatency))
	}
	if a.Kind == KindBusiness {
		return a.Signal + " was " + a.figure(a.Value)
	}
	return percent(a.Value) + " of requests failed"
}

func (a Assessment) limit() string {
	if a.Kind == KindLatency {
		return seconds(a.LimitLatency)
	}
	if a.Kind == KindBusiness {
		return a.figure(a.Limit)
	}
	return percent(a.Limit)
}

// Shown returns the value and the limit as people read them: "34.50 %", or "812ms".
func (a Assessment) Shown() (value, limit string) {
	switch a.Kind {
	case KindLatency:
		return seconds(a.QuantileValue), a.limit()
	case KindBusiness:
		return a.figure(a.Value), a.limit()
	case KindRollout, KindSmoke:
		if a.Kind == KindSmoke && a.Pods == "" {
			return fmt.Sprintf("%d checks passed", a.Counts.N), "no failed check"
		}
		if a.Pods != "" {
			return a.Pods, "held for " + wholeTicks(a.Required)
		}
		return "silent for " + wholeTicks(a.Held), wholeTicks(a.Required)
	}
	return percent(a.Value), a.limit()
}

// Before returns a business metric's value before the deployment as people read it.
func (a Assessment) Before() string { return a.figure(a.Baseline) }

func (a Assessment) quantileName() string { return fmt.Sprintf("P%g", a.Quantile*100) }

// grounds says what the limit is made of.
func grounds(sig Signal, a Assessment) string {
	if sig.Kind == KindBusiness {
		return fmt.Sprintf("before the release it was %s", a.figure(a.Baseline))
	}
	if sig.Kind == KindLatency {
		return fmt.Sprintf("the SLO of %s plus %.6g %%", sig.Objective.SLO, sig.Objective.Tolerance*100)
	}
	if a.BaselineCounts.N == 0 {
		return "there is no baseline, but the old version serving beside it did better"
	}
	return fmt.Sprintf("the baseline of %s plus %s", percent(a.Baseline), sig.Rule.allowance(a.Baseline))
}

// Scale is the factor that turns a fraction of the signal's counts into what people read, and the unit of that.
func (sig Signal) Scale() (factor float64, unit string) {
	switch {
	case sig.Kind != KindBusiness:
		return 100, "%"
	case sig.Query != "":
		return 1, ""
	case sig.Requests == "":
		return 60_000, "a minute"
	}
	return 100, "per 100 requests"
}

// scaled brings a business metric's values into the unit that people read it in.
func (sig Signal) scaled(a Assessment) Assessment {
	factor, unit := sig.Scale()
	a.Unit = unit
	a.Value, a.Baseline, a.Limit = a.Value*factor, a.Baseline*factor, a.Limit*factor
	return a
}

// wording says a business metric's value in a sentence.
func (sig Signal) wording(value float64) string { return sig.Name + " was " + sig.figure(value) }

// figure writes a value of the signal as people read it.
func (sig Signal) figure(value float64) string {
	if sig.Kind != KindBusiness {
		return percent(value)
	}
	a := sig.scaled(Assessment{Value: value})
	return a.figure(a.Value)
}

// figure writes a business metric's value with its unit.
func (a Assessment) figure(value float64) string {
	return strings.TrimSpace(fmt.Sprintf("%.4g %s", value, a.Unit))
}

// seconds writes a latency as people read it, to the millisecond.
func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond).String()
}

// allowance says in words which of the two allowances makes the limit.
func (r Sustained) allowance(baseline float64) string {
	if baseline*r.Relative >= r.Absolute {
		return fmt.Sprintf("%.6g %% of it", r.Relative*100)
	}
	return fmt.Sprintf("%.6g percentage points", r.Absolute*100)
}

// clamp keeps a fraction within 1 where errors are counted by a counter of their own, which a scrape may catch a
// request ahead.
func clamp(c Counts) Counts { return Counts{N: c.N, K: min(c.K, c.N)} }

func percent(f float64) string { return strconv.FormatFloat(f*100, 'f', 2, 64) + " %" }

// significant writes a number as people read it: large ones without decimals, immense ones as such.
func significant(f float64) string {
	switch {
	case f >= 1e6:
		return "over a million"
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.2g", f)
}

// wholeTicks writes an estimated time without pretending to know its fractions.
func wholeTicks(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
