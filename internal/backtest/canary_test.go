package backtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
)

// TestPodsOfACanaryAreToldByTheWholeName: some tools call the canary by the service's own name, with which that of the stable Deployment
// then begins.
func TestPodsOfACanaryAreToldByTheWholeName(t *testing.T) {
	for _, names := range [][2]string{{"checkout", "checkout-canary"}, {"checkout-primary", "checkout"}} {
		e := event.Event{Workload: names[0], Canary: names[1]}
		seen := []sightings{{labels: analyzer.Labels{Workload: "app", Pod: "pod"}, seen: []analyzer.Sighting{
			{Workload: names[0], Pod: names[0] + "-6575f76468-bcdfg"}, {Workload: names[0], Pod: names[1] + "-5fb66f9448-bcdfg"},
		}}}
		var owners []string
		for _, one := range onlyCanary(e, seen)[0].seen {
			owners = append(owners, one.Workload)
		}
		require.Equal(t, []string{names[0], names[1]}, owners)
	}
}
