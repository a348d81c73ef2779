package incident

import (
	"fmt"

	"github.com/rollbackd/rollbackd/analyzer"
)

// evidence shows the numbers that decided, or the newest ones where nothing was decided.
func (s Summary) evidence(p *page, pictures []picture) {
	p.section("Evidence")
	j := s.Decision
	if j == nil {
		j = s.Latest
	}
	lead := j.Lead()
	switch {
	case j == nil:
		p.line("No judgement is recorded.")
		return
	case lead == nil:
		p.line("- Verdict: %s (%s)", text(string(j.Verdict)), text(j.Reason))
		return
	}
	s.measured(p, *lead)
	allEvidence(p, *j)
	if shown := of(pictures, lead.Signal); len(shown) > 0 {
		p.line("- Chart: %s", charted(shown))
		if graphs := s.graphs(p, lead.Signal, spanOf(shown[0])); graphs != "" {
			p.line("- Graph in Prometheus, of the query below over the span of the chart: %s", graphs)
		}
	}
	p.line("- Why: %s", text(or(lead.Reason, j.Reason)))
	if query := j.Queries[lead.Signal]; query != "" {
		p.line("- Query, to be pasted into Prometheus, which extrapolates where rollbackd counts, so that its number can differ a little: %s", code(query))
	}
	for _, other := range j.Signals {
		if other.Signal != lead.Signal {
			p.line("- Other signal %s: %s (%s)%s", text(other.Signal), text(string(other.Verdict)), text(other.Reason), s.charted(p, pictures, other.Signal))
		}
	}
}

func (s Summary) measured(p *page, a analyzer.Assessment) {
	w := wordsFor(a)
	p.line("- Signal: %s (%s), verdict %s", w.Name, text(a.Signal), text(string(a.Verdict)))
	if a.Kind == analyzer.KindLatency {
		p.line("- Measured: %s", latencyMeasured(a))
		p.line("- Limit: %s", latencyLimit(a))
		p.line("- Before the deployment: %s", s.before(a, " of requests took longer"))
		s.held(p, a, w)
		return
	}
	if a.Kind == analyzer.KindBusiness {
		businessMeasured(p, a)
		return
	}
	if w.Bad == "" {
		value, limit := a.Shown()
		p.line("- Seen: %s at %s, since %s; limit %s", text(value), instant(a.At), instant(a.Since), text(limit))
		return
	}
	p.line("- Measured: %s of requests %s (%s, in the %s up to %s)", percent(a.Value), w.Bad, share(a.Counts), span(seconds(a.Window)), instant(a.At))
	p.line("- Limit: %s", limitInWords(a))
	p.line("- Baseline, before the deployment: %s", s.before(a, ""))
	s.held(p, a, w)
}

// before tells what a counted signal showed before the deployment, or why nothing is known of that.
func (s Summary) before(a analyzer.Assessment, what string) string {
	if a.BaselineCounts.N > 0 {
		return fmt.Sprintf("%s%s (%s%s)", percent(a.Baseline), what, share(a.BaselineCounts), s.baselineSpan(a.Signal))
	}
	b := s.baseline(a.Signal)
	switch {
	case b != nil && b.Problem != "":
		return "none (" + text(b.Problem) + ")"
	case b == nil && s.NoTarget != "":
		return "none (there is no known-good version: " + text(s.NoTarget) + ")"
	case b == nil:
		return "none (none was measured)"
	}
	return "none (the known-good version answered no counted request in the time before, " + instant(b.From) + " to " + instant(b.To) + ")"
}

// businessMeasured tells of a metric that is no fraction of requests.
func businessMeasured(p *page, a analyzer.Assessment) {
	value, limit := a.Shown()
	p.line("- Measured: %s at %s", text(value), instant(a.At))
	p.line("- Limit: %s; before the deployment it was %s", text(limit), text(a.Before()))
	if a.Since.IsZero() {
		p.line("- Held: not beyond the limit")
	} else {
		p.line("- Held: beyond the limit for %s, since %s", span(seconds(a.Held)), instant(a.Since))
	}
	if a.RequiredEvidence > 0 {
		p.line("- Evidence of this signal alone: %s", weighty(a.Evidence))
	}
}

// held tells for how long the limit was exceeded, and on how many requests.
func (s Summary) held(p *page, a analyzer.Assessment, w signalWords) {
	defer proof(p, a)
	if a.Verdict == analyzer.Regressed && a.Held <= a.Required {
		p.line("- Held: over the limit for about %s, since %s; on this evidence about %s suffice", span(seconds(a.Breach)), instant(a.Since), span(seconds(a.LeastBreach)))
		return
	}
	if a.Since.IsZero() {
		p.line("- Held: not over the limit; it must be over it for more than %s without a break", span(seconds(a.Required)))
	} else {
		p.line("- Held: over the limit for %s without a break, since %s; more than %s is required", span(seconds(a.Held)), instant(a.Since), span(seconds(a.Required)))
		p.line("- Requests while it was over the limit: %s, of which %s %s; at least %s are required",
			count(a.HeldCounts.N), count(a.HeldCounts.K), w.Bad, count(a.MinRequests))
	}
}

// proof tells how surely it was not chance.
func proof(p *page, a analyzer.Assessment) {
	if a.RequiredEvidence == 0 {
		return
	}
	p.line("- Evidence of this signal alone: %s against %s, which is the most that a healthy release may show", weighty(a.Evidence), percent(a.Null))
}

// allEvidence tells what the signals are worth together, which is what decides. Journals of earlier versions do not have the number.
func allEvidence(p *page, j Judgement) {
	lead := j.Lead()
	switch {
	case j.Required > 0 && lead.RequiredEvidence > 0:
		p.line("- Evidence of all signals together, which is their average: %s; acting without asking needs %s", weighty(j.Evidence), significant(j.Required))
	case lead.RequiredEvidence > 0:
		p.line("- Evidence of all signals together: acting without asking needs %s", significant(lead.RequiredEvidence))
	}
}

// weighty writes an e-value, which may have hundreds of digits that tell nobody anything.
func weighty(v float64) string {
	if v >= 1e6 {
		return "over a million"
	}
	return significant(v)
}

// limitInWords says how the limit came about. The difference is computed, not read from the policy, so that it is
// true of what was applied even if the policy has changed since.
func limitInWords(a analyzer.Assessment) string {
	more := a.Limit - a.Baseline
	if a.Limit == 0 || more < 0 {
		return percent(a.Limit)
	}
	if a.BaselineCounts.N == 0 {
		return percent(a.Limit) + ", the least that the policy allows, because there is no baseline"
	}
	words := fmt.Sprintf("%s = the baseline of %s plus the %s percentage points that the policy allows", percent(a.Limit), percent(a.Baseline), significant(more*100))
	if a.Baseline == 0 {
		return words
	}
	return words + " (" + percent(more/a.Baseline) + " of the baseline)"
}

func (s Summary) baselineSpan(signal string) string {
	b := s.baseline(signal)
	if b == nil {
		return ""
	}
	out := ", " + instant(b.From) + " to " + instant(b.To)
	if len(b.Pods) > 0 {
		out += ", " + plural(uint64(len(b.Pods)), "pod")
	}
	return out
}
