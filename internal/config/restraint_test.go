package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/watch"
)

func TestMistakesOfBudgetsAndFreezes(t *testing.T) {
	for _, m := range []mistaken{
		{inTop("budgets: {cluster: {rollbacks: 0, within: 0s}}"), []string{
			"line 4: budgets.cluster.rollbacks: 0 is not a number of rollbacks between 1 and 1000000; to have none without a person, set mode: approve",
			"line 4: budgets.cluster.within: 0s is not a positive duration; write it as 30s, 5m or 1h30m"}},
		{inTop("budgets: {cluster: {rollbacks: -1}}"), []string{`line 4: budgets.cluster.rollbacks: is "-1"; it must be a whole number that is not negative`}},
		{inPolicy("budgets: {namespace: {rollbacks: 0}}"), []string{
			"line 6: policies[0].budgets.namespace.rollbacks: 0 is not a number of rollbacks between 1 and 1000000; to have none without a person, set mode: approve"}},
		{inPolicy("budgets: {cluster: {rollbacks: 1}}"), []string{
			`line 6: policies[0].budgets.cluster: unknown key "cluster"; check its spelling, and by the indentation what it belongs to`}},
		{inPolicy("coolDown: soon"), []string{`line 6: policies[0].coolDown: "soon" is not a duration; write it as 30s, 5m or 1h30m`}},
		{inPolicy("freeze: {rollback: never}"), []string{
			`line 6: policies[0].freeze.rollback: "never" is not one of allow and approve; use approve to have a person decide during a freeze`}},
		{inTop("freeze:\n- {name: a b, from: 2026-12-20, until: 2026-12-21T00:00:00Z}"), []string{
			`line 5: freeze[0].name: "a b" is not a name of its own of up to 63 letters, digits, dots, dashes and underscores`,
			`line 5: freeze[0].from: "2026-12-20" is not a time with its offset; write it as 2026-12-20T17:00:00+01:00`}},
		{inTop("freeze:\n- {name: a, from: 2026-12-20T17:00:00+01:00, until: 2026-12-20T16:00:00Z, timezone: UTC}"), []string{
			`line 5: freeze[0].until: 2026-12-20T16:00:00Z is not after from, 2026-12-20T17:00:00+01:00; make it later`,
			`line 5: freeze[0].timezone: has no effect with until, whose offset says what it is; remove it`}},
		{inTop("freeze:\n- {name: a, from: 18:00}\n- {name: a, from: 18:00, to: 19:00, until: x, days: [fri]}"), []string{
			`line 5: freeze[0]: must have either until, if it comes once, or days and to, if it comes every week`,
			`line 6: freeze[1].name: "a" is not a name of its own of up to 63 letters, digits, dots, dashes and underscores`,
			`line 6: freeze[1]: must have either until, if it comes once, or days and to, if it comes every week`}},
		{inTop("freeze:\n- {name: a, days: [Friday], from: 24:00, to: 6pm, timezone: Local}"), []string{
			`line 5: freeze[0].days[0]: "Friday" is not a day; use mon, tue, wed, thu, fri, sat and sun`,
			`line 5: freeze[0].from: "24:00" is not a time of day; write it as "18:00", and the end of a day as to: "24:00"`,
			`line 5: freeze[0].to: "6pm" is not a time of day; write it as "18:00", and the end of a day as to: "24:00"`,
			`line 5: freeze[0].timezone: "Local" is not the IANA name of a time zone; use one such as Europe/Berlin or UTC`}},
		{inTop("freeze:\n- {name: a, days: [], from: 18:00, to: 19:00, timezone: Europe/Atlantis, match: [{namespace: '['}]}"), []string{
			`line 5: freeze[0].match[0].namespace: "[" is not a pattern; use a name with * and ?`,
			`line 5: freeze[0].days: is empty; name the days on which it begins, such as [fri, sat]`,
			`line 5: freeze[0].timezone: "Europe/Atlantis" is not the IANA name of a time zone; use one such as Europe/Berlin or UTC`}},
	} {
		_, err := Parse(edited(m.edit...))
		require.Error(t, err, m.says)
		mistakes, ok := err.(Mistakes)
		require.True(t, ok)
		var said []string
		for _, f := range mistakes {
			said = append(said, f.String())
		}
		require.ElementsMatch(t, m.says, said)
	}
}

// A policy's budgets are those of the top level where it does not say anything, down to the single key.
func TestBudgetsAreInherited(t *testing.T) {
	const hour = time.Hour
	parse := func(edits ...string) (watch.Budgets, watch.Budgets) {
		c, err := Parse(edited(edits...))
		require.NoError(t, err)
		return c.WatchBudgets(), c.WatchPolicies()[0].Budgets
	}
	top, own := parse()
	require.Equal(t, watch.DefaultBudgets(), top)
	require.Equal(t, watch.Budgets{Workload: top.Workload, Namespace: top.Namespace}, own)

	top, own = parse("policies:", "budgets: {namespace: {rollbacks: 7}, cluster: {within: 2h}}\npolicies:",
		"- name: http", "- name: http\n  budgets: {namespace: {within: 3h}, workload: {rollbacks: 1}}")
	require.Equal(t, watch.Budgets{Workload: watch.Budget{Rollbacks: 3, Within: 24 * hour}, Namespace: watch.Budget{Rollbacks: 7, Within: hour},
		Cluster: watch.Budget{Rollbacks: 10, Within: 2 * hour}}, top)
	require.Equal(t, watch.Budgets{Workload: watch.Budget{Rollbacks: 1, Within: 24 * hour}, Namespace: watch.Budget{Rollbacks: 7, Within: 3 * hour}}, own)
}

func TestBudgetsThatNeverCount(t *testing.T) {
	c, err := Parse(edited(inPolicy("budgets: {namespace: {rollbacks: 20}, workload: {rollbacks: 5}}\n  mode: automatic")...))
	require.NoError(t, err)
	require.Equal(t, []Finding{{Line: 6, Field: "policies[0].budgets.namespace.rollbacks",
		Message: "20 within 1h is more than the budget of the cluster, 10 within 1h, ever lets through; raise that one too, or lower this one"}}, c.Warnings())
}

func TestFreezes(t *testing.T) {
	c, err := Parse(edited(inTop(`coolDown: 1s`)...))
	require.Error(t, err, "it is a policy's")
	require.Nil(t, c)
	c, err = Parse(edited("policies:", `freeze:
- {name: year-end, from: 2026-12-20T17:00:00+01:00, until: 2027-01-04T07:00:00+01:00}
- {name: weekend, match: [{namespace: shop}], days: [fri], from: 18:00, to: "24:00", timezone: Europe/Berlin}
policies:`, "- name: http", "- name: http\n  coolDown: 0s\n  freeze: {rollback: approve}"))
	require.NoError(t, err)
	policy := c.WatchPolicies()[0]
	require.True(t, policy.AskInFreeze)
	require.Zero(t, policy.CoolDown)
	require.Len(t, c.Freezes(), 2)
	require.Equal(t, []watch.Match{{Namespace: "shop"}}, c.Freezes()[1].Match)
	for i, at := range []string{"2026-12-20T16:00:00Z", "2026-11-27T22:59:00Z"} {
		moment, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		p, ok := c.Freezes()[i].At(moment)
		require.True(t, ok, at)
		require.Equal(t, c.Freeze[i].Name, p.Name)
		_, ok = c.Freezes()[1-i].At(moment)
		require.False(t, ok, at)
	}
	require.Equal(t, 10*time.Minute, defaultPolicy(t).CoolDown)
	require.False(t, defaultPolicy(t).AskInFreeze)
}

func defaultPolicy(t *testing.T) watch.Policy {
	t.Helper()
	c, err := Parse([]byte(least))
	require.NoError(t, err)
	return c.WatchPolicies()[0]
}
