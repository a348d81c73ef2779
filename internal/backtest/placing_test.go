package backtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// deployed is a deployment of shop/checkout so long after noon.
func deployed(after time.Duration) event.Event {
	return event.Event{Environment: "production", Namespace: "shop", Workload: "checkout", Version: "v1", Timestamp: noon().Add(after)}
}

// placing puts placebos into a day; a baseline of the policy takes an hour and its watch 15 minutes.
func placing(n int, deployments ...event.Event) Placing {
	return Placing{
		Policies: []watch.Policy{onePolicy()}, Deployments: deployments, From: noon(), Until: noon().Add(24 * time.Hour), PerWorkload: n, Seed: 7,
	}
}

func TestPlacebosKeepAwayFromDeployments(t *testing.T) {
	p := placing(500, deployed(2*time.Hour), deployed(3*time.Hour), deployed(9*time.Hour), deployed(30*time.Hour))
	got, without := p.Placebos()
	require.Empty(t, without)
	require.Len(t, got, 500)
	policy := onePolicy()
	for _, one := range got {
		begins, ends := one.Event.Timestamp.Add(-policy.BaselineWindow), one.Event.Timestamp.Add(policy.End())
		require.False(t, begins.Before(p.From), "a baseline lies in the span")
		require.False(t, ends.After(p.Until), "a watch lies in the span")
		for _, d := range p.Deployments {
			if d.Timestamp.Before(one.Event.Timestamp) {
				require.True(t, begins.After(d.Timestamp.Add(lead)), "%s is too soon after %s", one.Event.Timestamp, d.Timestamp)
			} else {
				require.False(t, ends.After(d.Timestamp.Add(-lead)), "%s is too soon before %s", one.Event.Timestamp, d.Timestamp)
			}
		}
	}
}

func TestPlacebosAreSpreadAndSeeded(t *testing.T) {
	got, _ := placing(10, deployed(0)).Placebos()
	again, _ := placing(10, deployed(0)).Placebos()
	require.Equal(t, got, again)
	other := placing(10, deployed(0))
	other.Seed++
	different, _ := other.Placebos()
	require.NotEqual(t, got, different)

	free := 24*time.Hour - 15*time.Minute - 15*time.Minute - time.Hour - 30*time.Second // less the watch, the lead and the baseline
	for i, one := range got {
		since := one.Event.Timestamp.Sub(noon()) - (24*time.Hour - 15*time.Minute - free)
		require.Equal(t, i, int(since*10/free), "each tenth of the free time has one: %s", one.Event.Timestamp)
	}
}

func TestWorkloadsWithoutPlacebos(t *testing.T) {
	cart := deployed(time.Hour)
	cart.Workload = "cart"
	p := placing(3, deployed(time.Hour), cart)
	p.Policies[0].Match = []watch.Match{{Workload: "checkout"}}
	got, without := p.Placebos()
	require.Len(t, got, 3)
	require.Equal(t, []Unplaced{{cart.Target(), "no policy covers it"}}, without)

	p = placing(3, deployed(time.Hour), deployed(2*time.Hour+40*time.Minute))
	p.Until = noon().Add(4 * time.Hour)
	got, without = p.Placebos()
	require.Empty(t, got)
	require.Equal(t, "nowhere between 2026-03-01T12:00:00Z and 2026-03-01T16:00:00Z is there 1h15m30s without a deployment of it; a longer span of time or a shorter watch may help", without[0].Why)
	p.Watch = time.Minute
	got, without = p.Placebos()
	require.Empty(t, without, "a shorter watch finds room")
	require.Equal(t, time.Minute, got[0].Watch)
}

// A switch from blue to green changes the traffic of blue as well.
func TestASwitchIsADeploymentOfBothColours(t *testing.T) {
	green, blue := deployed(12*time.Hour), deployed(0)
	green.Workload, green.Strategy, green.From, green.To = "checkout-green", event.StrategyBlueGreen, "blue", "green"
	blue.Workload = "checkout-blue"
	got, _ := placing(300, green, blue).Placebos()
	require.Len(t, got, 600)
	for _, one := range got {
		require.False(t, one.Event.Timestamp.After(noon().Add(12*time.Hour-lead-15*time.Minute)) && one.Event.Timestamp.Before(noon().Add(13*time.Hour+lead)), "%s", one.Event.Timestamp)
	}
}
