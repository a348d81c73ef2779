package config

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/watch"
)

func TestMistakesOfDrills(t *testing.T) {
	_, err := Parse(edited(inTop("drills: {environments: [production, qa]}")...))
	mistakes, ok := err.(Mistakes)
	require.True(t, ok, err)
	var said []string
	for _, f := range mistakes {
		said = append(said, f.String())
	}
	require.ElementsMatch(t, []string{
		`line 4: drills.environments[0]: "production" is where the users are; a drill makes a workload bad on purpose, so rehearse in another environment`,
		`line 4: drills.environments[1]: "qa" is not one of the environments that this daemon watches; use one of ["production"]`,
	}, said)
}

// Drills are allowed nowhere unless the configuration says where.
func TestDrillsAreAllowedNowhereByDefault(t *testing.T) {
	c, err := Parse(edited())
	require.NoError(t, err)
	require.Equal(t, watch.Drills{}, c.WatchDrills())
	require.False(t, c.WatchPolicies()[0].PageDrills)

	c, err = Parse(edited(inTop("drills: {page: true}")...))
	require.NoError(t, err)
	require.True(t, c.WatchPolicies()[0].PageDrills)
}
