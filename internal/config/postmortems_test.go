package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/watch"
)

func TestWhichIncidentsAreReviewed(t *testing.T) {
	reviews := func(edits ...string) watch.Reviews {
		c, err := Parse(edited(edits...))
		require.NoError(t, err)
		return c.Reviews()
	}
	require.Equal(t, watch.Reviews{Environments: []string{"production"}, Within: 48 * time.Hour, HotfixWithin: 24 * time.Hour, RemindBefore: 12 * time.Hour}, reviews())
	require.Empty(t, reviews("[production]", "[staging]").Environments, "a bad release on staging needs no review")
	require.Equal(t, []string{"staging"}, reviews("[production]", "[staging]\npostmortems: {environments: [staging]}").Environments)
	require.Empty(t, reviews(inTop("postmortems: {environments: []}")...).Environments)
}

func wrongPostmortems() []mistaken {
	const positive = " is not a positive duration; write it as 24h or 2d"
	return []mistaken{
		{inTop("postmortems: {environments: [staging]}"), []string{`line 4: postmortems.environments[0]: "staging" is not one of environments`}},
		{inTop("postmortems: {within: 0s, hotfixWithin: 0s, remindBefore: 0s}"), []string{
			`line 4: postmortems.within:` + positive, `line 4: postmortems.hotfixWithin:` + positive, `line 4: postmortems.remindBefore:` + positive}},
	}
}
