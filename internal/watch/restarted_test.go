package watch

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// A restart of the rollout gives the release other pods, and the watch follows it to them.
func TestARestartIsFollowed(t *testing.T) {
	s := newStory(t)
	s.play(settled + `
		12s | see v2 restarted | pinned | Watching
		13s | see v2 restarted | -      | Watching`)
	require.Equal(t, "checkout-v2b-", s.watch.judged(incident.PhaseWatch).Release.PodPrefix)
	require.Equal(t, start, s.watch.Pin.T0, "what is watched has not begun anew")
	require.Equal(t, "v2", s.watch.Pin.Release.Version)
	require.Equal(t, "rs-v1", s.watch.Pin.Target.UID)
}

// An intent that a restart has outrun is not carried out. The release is as bad as before, so a new one is made on what is
// measured and live by then.
func TestAnIntentThatARestartHasOutrunIsMadeAnew(t *testing.T) {
	s := newStory(t)
	s.play(intended + `
		37s | applied outdated  | outcome=outdated >Regressed | Regressed plan
		40s | see v2 restarted  | pinned                      | Regressed plan
		40s | plan v2 restarted | plan intent >RollingBack    | RollingBack apply
		41s | applied landed    | outcome=landed >Verifying   | Verifying`)
	require.Equal(t, "3", s.watch.intent.Plan.FromRevision)
	var folded []incident.Entry
	for i, e := range s.journal {
		e.Seq = uint64(i + 1)
		folded = append(folded, e)
	}
	sum := incident.Fold(folded)
	require.True(t, sum.RolledBack)
}

// Without the breach nothing is planned anew.
func TestAnOutrunIntentNeedsTheBreachAgain(t *testing.T) {
	s := newStory(t)
	s.play(intended + `
		37s | applied outdated | outcome=outdated >Regressed | Regressed plan
		70s | ticks good 65s   | tick*2 HEALTHY tick*2 HEALTHY >Held | Held`)
	require.Contains(t, s.watch.Reason, "the breach was over before it could be acted on")
}
