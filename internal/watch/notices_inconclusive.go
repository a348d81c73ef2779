package watch

import (
	"strings"

	"github.com/rollbackd/rollbackd/analyzer"
)

// This file words what people are told of a watch that ends without an answer: nothing is wrong that anybody knows of, but nobody knows that all is
// well either, so it must say what is missing.

// mostWhy is how many characters of a reason a notice shows. It may hold all that Prometheus said, the query included; the record has all of it.
const mostWhy = 160

// briefly cuts a reason to what fits a message beside the title and the numbers.
func briefly(reason string) string {
	runes := []rune(strings.TrimSuffix(reason, "."))
	if len(runes) > mostWhy {
		return strings.TrimSpace(string(runes[:mostWhy-1])) + "…"
	}
	return string(runes)
}

// unanswered says what was done about a release that could not be judged, and why it could not.
func (w Watch) unanswered() string {
	return "Nothing was done, and it is no longer watched: " + briefly(strings.TrimSuffix(w.Reason, maybeLate)) + "."
}

// answerByHand says what to do about a release that could not be judged.
func (w Watch) answerByHand() string {
	switch {
	case w.Pin == nil || len(w.judgement.Signals) == 0:
		return "Look whether the deployment went through; announce it again, with another id, if it is to be watched."
	case w.judgement.Verdict == analyzer.NoData:
		return "Look at the release by hand, and with rollbackctl doctor why Prometheus has no usable data of it."
	case w.judgement.Verdict == analyzer.Insufficient:
		return "Look at the release by hand. If it always gets too few requests to be judged, have the policy watch it for longer or lower minRequests."
	}
	return "Look at the release by hand, and for what else is wrong: the record has the numbers."
}

// figures are the value and the limit of a signal as people read them. What was not measured is not shown as nothing.
func figures(a analyzer.Assessment) (value, limit string) {
	value, limit = a.Shown()
	counted := a.Kind == analyzer.KindErrorRate || a.Kind == analyzer.KindLatency
	if a.Outcome == analyzer.OutcomeNoData || a.Outcome == analyzer.OutcomeError || counted && a.Counts.N == 0 {
		value = "not measured"
	}
	return value, limit
}
