package main

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

const key = "production.shop.3f0c0000000000000000000000000000000000000000000000000000000000aa"

// answering has a daemon that knows one watch answer what people ask, and returns what it is asked for.
func answering(t *testing.T, s *stack, v watch.View, reply control.Reply) <-chan control.Asked {
	t.Helper()
	asked := make(chan control.Asked, 10)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	listed, err := json.Marshal([]watch.View{v})
	require.NoError(t, err)
	go func() {
		ended <- s.bus.Control(ctx, func(_ context.Context, a control.Asked) control.Reply {
			if a.Verb == control.List {
				return control.Reply{OK: true, Watches: listed}
			}
			asked <- a
			return reply
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	s.env["ROLLBACKD_ENV"] = "production"
	require.Eventually(t, func() bool {
		code, _, _ := s.run(t, "list", "shop")
		return code == exitDone
	}, 30*time.Second, 10*time.Millisecond)
	return asked
}

func waiting() watch.View {
	return watch.View{
		ID: key, EventID: "d1", Environment: "production", Namespace: "shop", Workload: "checkout", Version: "v2\x1b[31m",
		State: watch.AwaitingApproval, Reason: "errors", Incident: "incident-20261122T100000Z", Since: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
	}
}

func TestPeopleNameAWatchInThreeWays(t *testing.T) {
	s := startStack(t)
	asked := answering(t, s, waiting(), control.Reply{OK: true, Message: "done", Watch: key})
	for _, id := range []string{key, "incident-20261122T100000Z", "d1"} {
		code, out, problems := s.run(t, "approve", id, "--namespace", "shop", "--reason", "seen it")
		require.Zero(t, code, problems)
		require.Equal(t, "done\nwatch "+key+"\n", out)
		require.Equal(t, control.Asked{
			By: "ci", Verb: control.Approve, Target: event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"},
			Request: control.Request{Watch: key, Reason: "seen it"},
		}, <-asked)
	}
	code, _, problems := s.run(t, "deny", "v1.2.3", "--env", "production", "--namespace", "shop")
	require.Equal(t, exitRefused, code)
	require.Contains(t, problems, `no watch in production/shop has the ID "v1.2.3"`, "an event's own ID may look a little like the key of a watch")
	code, _, problems = s.run(t, "deny", "d2", "--namespace", "shop")
	require.Equal(t, exitRefused, code)
	require.Contains(t, problems, `no watch in production/shop has the ID "d2"`)
	code, _, problems = s.run(t, "abort", "d1")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "give --env and --namespace")
	require.Empty(t, asked)
}

func TestARefusalIsToldAndExitsWithOne(t *testing.T) {
	s := startStack(t)
	answering(t, s, waiting(), control.Refuse(control.CodeState, "the watch is Healthy\x1b[31m"))
	code, out, problems := s.run(t, "abort", key)
	require.Equal(t, exitRefused, code)
	require.Empty(t, out)
	require.Equal(t, "rollbackctl: refused: the watch is Healthy\\x1b[31m (wrong-state)\n", problems)
	code, out, _ = s.run(t, "hold", "shop/checkout", "--for", "2h", "-o", "json")
	require.Equal(t, exitRefused, code)
	require.Contains(t, out, `"code":"wrong-state"`)
}

func TestListAndShow(t *testing.T) {
	s := startStack(t)
	answering(t, s, waiting(), control.Reply{})
	code, out, problems := s.run(t, "list", "shop/checkout")
	require.Zero(t, code, problems)
	require.Equal(t, "WORKLOAD       VERSION     STATE             SINCE                REASON  ID\n"+
		`shop/checkout  v2\x1b[31m  AwaitingApproval  2026-11-22 10:00:00  errors  `+key+"\n", out)
	code, _, problems = s.run(t, "list")
	require.Equal(t, exitRefused, code, "of the whole environment, which this user may not ask about")
	require.Contains(t, problems, "you may be allowed some namespaces only: name one, as in rollbackctl list shop")
	code, out, problems = s.run(t, "show", "d1", "--namespace", "shop")
	require.Zero(t, code, problems)
	require.Contains(t, out, "State     AwaitingApproval since 2026-11-22T10:00:00Z\n")
	for _, args := range [][]string{{"list", "Shop!"}, {"list", "shop/"}, {"rollback", "checkout"}, {"hold", "shop/checkout"}, {"show"}} {
		code, _, problems = s.run(t, args...)
		require.Equal(t, exitUsage, code, args)
		require.NotEmpty(t, problems)
	}
}

func TestADryRunIsShownAsADiff(t *testing.T) {
	s := startStack(t)
	asked := answering(t, s, waiting(), control.Reply{OK: true, Message: "put shop/checkout back", Diff: "-v2\n+v1\x1b[0m\n", Notes: []string{"the API server would accept it"}})
	code, out, problems := s.run(t, "rollback", "shop/checkout", "--dry-run", "--to-revision", "7")
	require.Zero(t, code, problems)
	require.Equal(t, "It would put shop/checkout back.\n\n-v2\n+v1\\x1b[0m\n\n* the API server would accept it\n\nNothing was changed.\n", out)
	require.True(t, (<-asked).DryRun)
}

// A refusal comes with what can be done instead.
func TestARefusedDryRunShowsWhatToDo(t *testing.T) {
	s := startStack(t)
	answering(t, s, waiting(), control.Reply{Code: "gitops-owner", Message: "Argo CD would undo it", Notes: []string{"revert the commit: git revert abc\x1b"}})
	code, out, problems := s.run(t, "rollback", "shop/checkout", "--dry-run")
	require.Equal(t, exitRefused, code)
	require.Equal(t, "* revert the commit: git revert abc\\x1b\n", out)
	require.Contains(t, problems, "refused: Argo CD would undo it (gitops-owner)")
}

func TestAKindIsNamedInWhateverCase(t *testing.T) {
	s := startStack(t)
	asked := answering(t, s, waiting(), control.Reply{OK: true, Message: "the rollback begins", Watch: key})
	for given, kind := range map[string]event.Kind{"statefulset": event.KindStatefulSet, "DaemonSet": event.KindDaemonSet} {
		code, _, problems := s.run(t, "rollback", "shop/checkout", "--kind", given)
		require.Zero(t, code, problems)
		require.Equal(t, kind, (<-asked).Kind)
	}
	code, _, problems := s.run(t, "rollback", "shop/checkout", "--kind", "Pod")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, `--kind "Pod" is none that can be rolled back`)
}

func TestNobodyListens(t *testing.T) {
	s := startServer(t)
	s.env["ROLLBACKD_ENV"] = "production"
	code, _, problems := s.run(t, "list", "shop")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "nobody listens: is rollbackd running")
	s.env["ROLLBACKD_NATS_USER"] = ""
	code, _, problems = s.run(t, "list", "shop", "--as", "a b")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "under what name?")
}

// What the server forbids is told at once, and not after a wait for an answer that cannot come.
func TestActingUnderAnothersName(t *testing.T) {
	s := startServer(t)
	s.env["ROLLBACKD_ENV"] = "production"
	code, _, problems := s.run(t, "hold", "shop/checkout", "--for", "1h", "--as", "bob")
	require.Equal(t, exitRefused, code)
	require.Contains(t, problems, "the server refuses: nats: permissions violation")
}
