package event

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func decoded(t *testing.T, payload string) Event {
	t.Helper()
	e, err := Decode(checkout, []byte(payload))
	require.NoError(t, err)
	return e
}

func TestKey(t *testing.T) {
	plain := decoded(t, with())
	require.Regexp(t, `^production\.shop\.[0-9a-f]{64}$`, plain.Key())

	sameTime := decoded(t, with("timestamp", `"2026-11-22T11:00:00+01:00"`, "operator", `"ana"`))
	require.Equal(t, plain.Key(), sameTime.Key(), "only workload, time and version matter without an ID")
	otherVersion := decoded(t, with("version", `"v1.2.4"`))
	require.NotEqual(t, plain.Key(), otherVersion.Key())

	first := decoded(t, with("id", `"d1"`))
	second := decoded(t, with("id", `"d1"`, "timestamp", `"2026-11-22T10:05:00Z"`))
	require.Equal(t, first.Key(), second.Key(), "the ID alone tells deployments of a workload apart")
	require.NotEqual(t, plain.Key(), first.Key())

	steps := map[string]bool{first.Key(): true}
	for _, step := range []string{"5", "25"} {
		steps[decoded(t, with("id", `"d1"`, "strategy", `"canary"`, "canary", `"c"`, "step", step)).Key()] = true
	}
	require.Len(t, steps, 3, "one ID may announce all the steps of a canary")
}

func TestKeyCannotBeForgedByMovingABoundary(t *testing.T) {
	require.NotEqual(t, digest([]string{"ab", "c"}), digest([]string{"a", "bc"}))
	require.NotEqual(t, digest([]string{"1:a"}), digest([]string{"a"}))
	require.NotEqual(t, digest([]string{"a", ""}), digest([]string{"a"}))
}

func TestSameBody(t *testing.T) {
	base := with("id", `"d1"`, "ticket", `{"n":1,"m":2}`)
	same := map[string]string{
		"itself":                base,
		"nested order":          with("id", `"d1"`, "ticket", `{ "m":2, "n":1 }`),
		"defaults written out":  with("id", `"d1"`, "ticket", `{"n":1,"m":2}`, "status", `"success"`, "hotfix", "false"),
		"null for absent":       with("id", `"d1"`, "ticket", `{"n":1,"m":2}`, "commit", "null"),
		"another zone":          with("id", `"d1"`, "ticket", `{"n":1,"m":2}`, "timestamp", `"2026-11-22T11:00:00+01:00"`),
		"no approvals is empty": with("id", `"d1"`, "ticket", `{"n":1,"m":2}`, "approvals", "[]"),
	}
	for name, payload := range same {
		require.True(t, SameBody(decoded(t, base), decoded(t, payload)), name)
	}
	other := map[string]string{
		"version":        with("id", `"d1"`, "ticket", `{"n":1,"m":2}`, "version", `"v2"`),
		"time":           with("id", `"d1"`, "ticket", `{"n":1,"m":2}`, "timestamp", `"2026-11-22T10:00:01Z"`),
		"unknown field":  with("id", `"d1"`, "ticket", `{"n":1,"m":3}`),
		"one field less": with("id", `"d1"`),
		"approvals":      with("id", `"d1"`, "ticket", `{"n":1,"m":2}`, "approvals", `["ana"]`),
	}
	for name, payload := range other {
		require.False(t, SameBody(decoded(t, base), decoded(t, payload)), name)
	}
}

func TestCompletes(t *testing.T) {
	started := decoded(t, with("id", `"d1"`, "status", `"started"`, "ticket", "1"))
	done := decoded(t, with("id", `"d1"`, "ticket", "1", "timestamp", `"2026-11-22T10:09:00Z"`, "verification", `"smoke.log"`))
	failed := decoded(t, with("id", `"d1"`, "ticket", "1", "status", `"failed"`))
	require.True(t, Completes(started, done))
	require.True(t, Completes(started, failed))
	require.False(t, Completes(done, started), "a start completes nothing")
	require.False(t, Completes(done, failed), "what is complete is not completed again")
	require.False(t, Completes(started, started))

	otherVersion := decoded(t, with("id", `"d1"`, "ticket", "1", "version", `"v2"`))
	otherTicket := decoded(t, with("id", `"d1"`, "ticket", "2"))
	require.False(t, Completes(started, otherVersion))
	require.False(t, Completes(started, otherTicket))

	nameless := decoded(t, with("status", `"started"`))
	require.False(t, Completes(nameless, decoded(t, with())), "without an ID nothing says that the two belong together")
}

func TestAdvances(t *testing.T) {
	canary := func(pairs ...string) Event {
		return decoded(t, with(append([]string{"strategy", `"canary"`, "canary", `"checkout-canary"`}, pairs...)...))
	}
	first := canary("id", `"d1"`, "step", "5")
	for name, second := range map[string]Event{
		"by the same id": canary("id", `"d1"`, "step", "25"),
		"by another":     canary("id", `"d2"`, "step", "100", "timestamp", `"2026-11-22T10:09:00Z"`, "operator", `"bo"`),
		"without an id":  canary("step", "6"),
	} {
		require.True(t, Advances(first, second), name)
	}
	for name, second := range map[string]Event{
		"the same step":    canary("id", `"d2"`, "step", "5"),
		"a lower step":     canary("id", `"d2"`, "step", "4"),
		"no step":          canary("id", `"d2"`),
		"another version":  canary("step", "25", "version", `"v9"`),
		"another canary":   canary("step", "25", "canary", `"other"`),
		"another schema":   canary("step", "25", "schemaChange", "true"),
		"a rolling update": decoded(t, with("step", "25")),
	} {
		require.False(t, Advances(first, second), name)
	}
	require.True(t, Advances(canary(), canary("step", "1")))
}
