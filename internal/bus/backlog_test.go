package bus

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// What waits is shown while it waits, and no more once it is accepted or somebody else consumes.
func TestBacklogIsShown(t *testing.T) {
	bus := openNew(t, Options{Registerer: prometheus.NewRegistry()})
	shows := func(what prometheus.Gauge, least float64, most float64) func() error {
		return func() error {
			if n := testutil.ToFloat64(what); n < least || n > most {
				return fmt.Errorf("it shows %v, and not %v to %v", n, least, most)
			}
			return nil
		}
	}
	const events = 20
	for i := range events {
		publish(t, bus, checkout, fmt.Sprint(i))
	}
	var away atomic.Bool
	away.Store(true)
	release := make(chan struct{})
	stop := consume(t, bus, func(ctx context.Context, _ Delivery) Disposition {
		select {
		case <-release:
		case <-ctx.Done():
		}
		if away.Load() {
			return Retry(errors.New("away"))
		}
		return Accept()
	})
	eventually(t, shows(bus.backlog.pending, 1, events))
	eventually(t, shows(bus.backlog.unsettled, 1, events))
	away.Store(false)
	close(release)
	eventually(t, shows(bus.backlog.pending, 0, 0))
	eventually(t, shows(bus.backlog.unsettled, 0, 0))
	bus.backlog.pending.Set(7)
	stop()
	require.Zero(t, testutil.ToFloat64(bus.backlog.pending), "another replica may have taken them")
}
