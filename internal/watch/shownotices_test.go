package watch

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
)

// keeping is a NoticeKeeper with a few notices.
type keeping struct{ waiting, dead []notifier.Standing }

func (k keeping) Waiting() []notifier.Standing { return k.waiting }

func (k keeping) Dead(context.Context) ([]notifier.Standing, error) { return k.dead, nil }

func (k keeping) Retry(_ context.Context, wanted func(notifier.Standing) bool) (n int, _ error) {
	for _, s := range k.dead {
		if wanted(s) {
			n++
		}
	}
	return n, nil
}

// Who may ask about a namespace learns of its notices only; those about rollbackd itself are for who may ask about all.
func TestNoticesAreThoseOfTheSubject(t *testing.T) {
	about := func(id, environment, workload string, s notifier.State) notifier.Standing {
		return notifier.Standing{ID: id, Environment: environment, Workload: workload, State: s, Watch: "k" + id, Sink: "pager", Attempts: 2, Error: "502"}
	}
	s := New(Options{Metrics: NewMetrics(prometheus.NewRegistry()), Log: zap.NewNop(), Notices: keeping{
		waiting: []notifier.Standing{about("1", "production", "shop/a", notifier.Trying), about("2", "production", "pay/a", notifier.Queued)},
		dead:    []notifier.Standing{about("3", "production", "shop/b", notifier.Dead), about("4", "staging", "shop/a", notifier.Dead), about("5", "", "", notifier.Dead)},
	}})
	target := func(namespace, workload string) event.Target {
		return event.Target{Environment: "production", Namespace: namespace, Workload: workload}
	}
	ask := func(verb control.Verb, to event.Target, r control.Reading) control.Reply {
		return s.Ask(t.Context(), control.Asked{By: "ana", Verb: verb, Target: to, Request: control.Request{Reading: r}})
	}
	for want, to := range map[string]event.Target{
		"13": target("shop", control.AllWorkloads), "3": target("shop", "b"), "1235": target(control.AllNamespaces, control.AllWorkloads), "": target("other", control.AllWorkloads),
	} {
		lines, err := ask(control.Notices, to, control.Reading{}).Unpack()
		require.NoError(t, err)
		got := ""
		for _, line := range lines {
			var n notifier.Standing
			require.NoError(t, json.Unmarshal(line, &n))
			got += n.ID
		}
		require.Equal(t, want, got, to)
	}
	require.Equal(t, control.CodeUnknown, ask(control.RetryNotices, target("shop", control.AllWorkloads), control.Reading{Find: "4"}).Code, "it is of another environment")
	require.True(t, ask(control.RetryNotices, target("shop", control.AllWorkloads), control.Reading{Find: "3"}).OK)
	require.Contains(t, ask(control.RetryNotices, target(control.AllNamespaces, control.AllWorkloads), control.Reading{All: true}).Message, "once more: 2")

	still := s.opts.stillTold("k1", start)
	require.Len(t, still, 1)
	require.Equal(t, incident.ToldTrying, still[0].Told.Result)
	require.Empty(t, s.opts.stillTold("k2", start), "it was not tried yet")
	require.Empty(t, s.opts.stillTold("k3", start), "it is recorded as failed")
}
