package backtest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// summary counts what rollbackd would have done.
type summary struct {
	deployments, asked int
	verdicts           map[analyzer.Verdict]int
	policies           map[string]int
	first, last        time.Time
	unjudged           []unjudged
}

// unjudged are the deployments that could not be judged for one reason.
type unjudged struct {
	why string
	// which are their places in the order of the deployments.
	which []int
}

func (s *summary) add(o Outcome) {
	if s.verdicts == nil {
		s.verdicts, s.policies = map[analyzer.Verdict]int{}, map[string]int{}
	}
	if why := o.unjudged(); why != "" {
		s.group(why)
	}
	s.deployments++
	s.verdicts[o.Verdict]++
	s.policies[o.Policy]++
	if o.Evidence.Asks {
		s.asked++
	}
	if at := o.Event.Timestamp; s.first.IsZero() || at.Before(s.first) {
		s.first = at
	}
	if at := o.Event.Timestamp; at.After(s.last) {
		s.last = at
	}
}

func (s *summary) group(why string) {
	i := slices.IndexFunc(s.unjudged, func(u unjudged) bool { return u.why == why })
	if i < 0 {
		i = len(s.unjudged)
		s.unjudged = append(s.unjudged, unjudged{why: why})
	}
	s.unjudged[i].which = append(s.unjudged[i].which, s.deployments)
}

// reasons lists why deployments could not be judged, the most frequent first.
func (s *summary) reasons() []unjudged {
	return slices.SortedStableFunc(slices.Values(s.unjudged), func(a, b unjudged) int { return cmp.Compare(len(b.which), len(a.which)) })
}

// sentence says what a service owner wants to know first.
func (s *summary) sentence() string {
	bad := s.verdicts[analyzer.Regressed]
	return fmt.Sprintf("rollbackd would have rolled back %s of %s, asked a person about %s, and left %s alone.",
		orNone(bad-s.asked), count(s.deployments, "deployment"), orNone(s.asked), orNone(s.deployments-bad))
}

// besides says what there is to know about those that were left alone; empty if they were all healthy.
func (s *summary) besides() string {
	var parts []string
	for _, p := range []struct {
		n     int
		words string
	}{
		{s.verdicts[analyzer.Healthy], "healthy"},
		{s.verdicts[analyzer.External], "failing by no doing of the release"},
		{s.verdicts[analyzer.SickPod], "failing in one pod only"},
		{s.verdicts[analyzer.NoData] + s.verdicts[analyzer.Insufficient], "could not be judged"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.words))
		}
	}
	if len(parts) == 0 || s.deployments == s.verdicts[analyzer.Healthy] {
		return ""
	}
	return "Of those left alone: " + strings.Join(parts, ", ") + "."
}

// span is the time that the deployments lie in.
func (s *summary) span() string {
	const layout = "2 January 2006 15:04"
	first, last := s.first.UTC(), s.last.UTC()
	return fmt.Sprintf("%s to %s UTC (%s)", first.Format(layout), last.Format(layout), days(last.Sub(first)))
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return short(d.Round(time.Minute))
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

func orNone(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// unjudged says in a few words, the same for the same cause, why an outcome is no judgement; empty if it is one.
func (o Outcome) unjudged() string {
	if o.Verdict != analyzer.NoData && o.Verdict != analyzer.Insufficient {
		return ""
	}
	a := o.decisive()
	switch {
	case o.Err != nil:
		return "Prometheus could not be read"
	case o.Policy == "":
		return "no policy covers the workload, or not the one that its event asks for"
	case a == nil:
		return "nothing was measured before the watch ended"
	case a.Outcome == analyzer.OutcomeError:
		return a.Signal + ": what Prometheus answered cannot be counted"
	case a.Outcome == analyzer.OutcomeNoData:
		return a.Signal + ": nothing was recorded of the release's pods"
	case a.Outcome == analyzer.OutcomeBreach:
		return a.Signal + ": over the limit when the watch ended, but too shortly or on too little evidence"
	case a.Kind == analyzer.KindErrorRate && a.BaselineCounts.N < a.MinRequests:
		return a.Signal + ": too few requests before the deployment to compare with"
	}
	return a.Signal + ": too few requests to say"
}
