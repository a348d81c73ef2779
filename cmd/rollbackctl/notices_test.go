package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/notifier"
)

func TestNotices(t *testing.T) {
	s := startStack(t)
	asked := answering(t, s, waiting(), control.Reply{OK: true, Message: "dead letters that are tried once more: 1", Page: control.Page{
		Lines: control.Pack([]byte(`{"id":"n-1","sink":"pagerDuty","state":"trying","severity":"page","title":"v2 is bad\u001b[31m","at":"2026-11-22T10:00:00Z","attempts":3,"error":"502"}` + "\n")),
	}})
	code, out, problems := s.run(t, "notices", "--namespace", "shop")
	require.Zero(t, code, problems)
	require.Contains(t, out, "trying  pagerDuty  3")
	require.NotContains(t, out, "\x1b")
	require.Equal(t, event.Target{Environment: "production", Namespace: "shop", Workload: control.AllWorkloads}, (<-asked).Target)

	code, out, problems = s.run(t, "notices", "--namespace", "shop", "-o", "json")
	require.Zero(t, code, problems)
	require.Contains(t, out, `"state":"`+string(notifier.Trying))
	require.Equal(t, control.Notices, (<-asked).Verb)

	code, out, problems = s.run(t, "notices", "retry", "n-1", "--namespace", "shop")
	require.Zero(t, code, problems)
	require.Contains(t, out, "tried once more: 1")
	got := <-asked
	require.Equal(t, []any{control.RetryNotices, "n-1", false}, []any{got.Verb, got.Find, got.All})

	for _, args := range [][]string{{"notices", "retry"}, {"notices", "retry", "n-1", "--all"}} {
		code, _, problems = s.run(t, args...)
		require.Equal(t, exitUsage, code)
		require.Contains(t, problems, "--all")
	}
}
