package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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
		var got []string
		for _, line := range lines {
			var n notifier.Standing
			require.NoError(t, json.Unmarshal(line, &n))
			got = append(got, n.ID)
		}
		slices.Sort(got)
		require.Equal(t, want, strings.Join(got, ""), to)
	}
	require.Equal(t, control.CodeUnknown, ask(control.RetryNotices, target("shop", control.AllWorkloads), control.Reading{Find: "4"}).Code, "it is of another environment")
	require.True(t, ask(control.RetryNotices, target("shop", control.AllWorkloads), control.Reading{Find: "3"}).OK)
	require.Contains(t, ask(control.RetryNotices, target(control.AllNamespaces, control.AllWorkloads), control.Reading{All: true}).Message, "once more: 2")
	again := ask(control.RetryNotices, target("shop", control.AllWorkloads), control.Reading{Find: "1"})
	require.True(t, again.OK, "what was asked for before, and is being done, is not refused: %s", again.Message)
	require.Equal(t, "it is being tried already", again.Message)
	require.Equal(t, control.CodeUnknown, ask(control.RetryNotices, target("shop", control.AllWorkloads), control.Reading{Find: "2"}).Code, "it is of another namespace")
	require.Contains(t, ask(control.RetryNotices, target("pay", control.AllWorkloads), control.Reading{All: true}).Message, "once more: 0")

	still := s.opts.stillTold("k1", start)
	require.Len(t, still, 1)
	require.Equal(t, incident.ToldTrying, still[0].Told.Result)
	require.Empty(t, s.opts.stillTold("k2", start), "it was not tried yet")
	require.Empty(t, s.opts.stillTold("k3", start), "it is recorded as failed")
}

// More than an answer holds comes in pages. What was there all the time is in exactly one of them, whatever came and went meanwhile.
func TestNoticesComeInPages(t *testing.T) {
	many := func(first, n int) (out []notifier.Standing) {
		for i := range n {
			out = append(out, notifier.Standing{ID: fmt.Sprint(first + i), Sink: "pager", State: notifier.Dead, Error: strings.Repeat("x", 1000)})
		}
		return out
	}
	kept, gone, came := many(0, 1500), many(10_000, 300), many(20_000, 300)
	keeper := &keeping{waiting: kept[:700], dead: append(slices.Clone(gone), kept[700:]...)}
	s := New(Options{Metrics: NewMetrics(prometheus.NewRegistry()), Log: zap.NewNop(), Notices: keeper})
	seen, pages := map[string]int{}, 0
	request := control.Request{}
	for {
		reply := s.Ask(t.Context(), control.Asked{By: "ana", Verb: control.Notices, Request: request,
			Target: event.Target{Environment: "production", Namespace: control.AllNamespaces, Workload: control.AllWorkloads}})
		require.True(t, reply.OK, reply.Message)
		lines, err := reply.Unpack()
		require.NoError(t, err)
		require.NotEmpty(t, lines)
		for _, line := range lines {
			var n notifier.Standing
			require.NoError(t, json.Unmarshal(line, &n))
			seen[n.ID]++
		}
		pages++
		if reply.Next == 0 {
			break
		}
		require.Greater(t, reply.Next, request.After)
		request.After = reply.Next
		*keeper = keeping{waiting: append(slices.Clone(came), kept[900:]...), dead: kept[:900]} // in another order, as some are given up
	}
	require.GreaterOrEqual(t, pages, 3)
	for _, n := range kept {
		require.Equal(t, 1, seen[n.ID], n.ID)
	}
	for id, times := range seen {
		require.Equal(t, 1, times, id)
	}
}
