package watch

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
)

// A breach that is not the release's doing is nothing to act on, but somebody must know; once is enough, as it may come and
// go. What is found while a rollback is checked is told by the state that follows.
func TestABreachThatIsNotTheReleasesDoingIsToldOnce(t *testing.T) {
	verdict := func(phase incident.Phase, v analyzer.Verdict) incident.Entry {
		return incident.Entry{Kind: incident.KindVerdict, Verdict: &incident.Verdict{Phase: phase, Verdict: v, Reason: "because"}}
	}
	w := Watch{Key: "key", State: Watching, Event: event.Event{Namespace: "shop", Workload: "checkout", Version: "v2", Environment: "production"}}
	var told []notifier.Notice
	for _, e := range []incident.Entry{
		verdict(incident.PhaseVerify, analyzer.External),
		verdict(incident.PhaseWatch, analyzer.Insufficient),
		verdict(incident.PhaseWatch, analyzer.External),
		verdict(incident.PhaseWatch, analyzer.Healthy),
		verdict(incident.PhaseWatch, analyzer.SickPod),
	} {
		after := w.apply(e)
		told = append(told, notices(w, after, []incident.Entry{e})...)
		w = after
	}
	require.Equal(t, []notifier.Notice{{
		Kind: notifier.KindOther, Severity: notifier.Page, Title: "shop/checkout v2 is not to blame for what it shows, and is left as it is", Text: "because",
		Action: "Nothing was done.", Next: "Look for what else is wrong: because",
		Watch: "key", Workload: "shop/checkout", WorkloadKind: "Deployment", Version: "v2", Environment: "production",
	}}, told)
}
