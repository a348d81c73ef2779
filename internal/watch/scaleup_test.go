package watch

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/rollback"
)

// scaledColours are colours of which the old one was scaled down to nothing. Scaled up, its pods are ready at once, unless
// they are never.
type scaledColours struct {
	*colours
	never  bool
	scaled int
}

func newScaledColours(w *world) *scaledColours {
	c := &scaledColours{colours: newColours(w)}
	c.oldReady, c.oldReplicas = 0, 0
	return c
}

func (c *scaledColours) on(o *Options) {
	c.colours.on(o)
	o.Scale = c
	o.Policies[0].ReadyWithin = time.Minute
}

func (c *scaledColours) ScaleUp(ctx context.Context, p rollback.ScalePlan) (rollback.Result, string, error) {
	err := c.call(ctx, "cluster.scale", func() error {
		if c.oldReplicas < p.To {
			c.scaled++
			c.oldReplicas = p.To
		}
		if !c.never {
			c.oldReady = p.To
		}
		return nil
	})
	return rollback.Landed, "said the fake", err
}

// times is how often it was scaled.
func (c *scaledColours) times() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.scaled
}

func TestTheOldColourIsScaledUpAndThenSwitchedTo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		c := newScaledColours(w)
		p := w.run(c.on)
		require.NoError(t, p.Accept(t.Context(), w.switchOf("web")))
		w.await(p, Verifying)
		require.Equal(t, 1, c.scaled)
		require.Equal(t, []string{"web"}, c.patched)
	})
}

func TestAnOldColourThatDoesNotGetReadyIsNotSwitchedTo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		c := newScaledColours(w)
		c.never = true
		p := w.run(c.on)
		require.NoError(t, p.Accept(t.Context(), w.switchOf("web")))
		held := w.await(p, Held)
		require.Contains(t, held.Reason, "checkout-blue was scaled up to 2 replicas, but they were not ready within 1m0s")
		require.Equal(t, 1, c.scaled)
		require.Empty(t, c.patched)
	})
}

func TestNothingIsScaledIfThePolicyDoesNotSaySo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		c := newScaledColours(w)
		p := w.run(c.on, func(o *Options) { o.Policies[0].ReadyWithin = 0 })
		require.NoError(t, p.Accept(t.Context(), w.switchOf("web")))
		held := w.await(p, Held)
		require.Contains(t, held.Reason, "0 pods of blue")
		require.Zero(t, c.scaled)
		require.Empty(t, c.patched)
	})
}

// A breach that ends while the old colour gets ready needs no switch any more.
func TestABreachThatEndsWhileTheOldColourGetsReadyIsNotActedOn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		c := newScaledColours(w)
		c.never = true
		p := w.run(c.on)
		require.NoError(t, p.Accept(t.Context(), w.switchOf("web")))
		for c.times() == 0 {
			time.Sleep(time.Second)
		}
		w.mu.Lock()
		w.errorsIn = 1
		w.mu.Unlock()
		held := w.await(p, Held)
		require.Contains(t, held.Reason, "the breach was over before it could be acted on")
		require.Empty(t, c.patched)
	})
}

// Killed before or after the scaling, or its outcome, the process scales once and switches once.
func TestKilledAroundTheScaling(t *testing.T) {
	for _, kill := range []struct {
		call string
		done bool
	}{{"cluster.scale", false}, {"cluster.scale", true}, {"cluster.apply", false}, {"cluster.apply", true}} {
		for _, down := range []time.Duration{time.Second, 45 * time.Second} {
			inBubble(t, func(t *testing.T, w *world) {
				c := newScaledColours(w)
				p := w.run(c.on)
				require.NoError(t, p.Accept(t.Context(), w.switchOf("web")))
				killed := make(chan struct{}, 1)
				dead := false
				w.failing(func(call string, done bool) error {
					if dead {
						return errDown
					}
					if call == kill.call && done == kill.done {
						dead = true
						killed <- struct{}{}
						return errDown
					}
					return nil
				})
				<-killed
				p.stop()
				time.Sleep(down)
				w.failing(nil)
				p = w.run(c.on)
				w.await(p, RolledBack)
				require.Equal(t, 1, c.scaled, "%s %t", kill.call, kill.done)
				require.Equal(t, []string{"web"}, c.patched, "%s %t", kill.call, kill.done)
			})
		}
	}
}

// What keeps a rollback from being made keeps its preparations from being made, too.
func TestNothingIsScaledWhereNothingMayBeSwitched(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		c := newScaledColours(w)
		p := w.run(c.on, func(o *Options) {
			o.Policies[0].Budgets.Namespace = Budget{Rollbacks: 1, Within: time.Hour}
		})
		spent := newTestWatch(func(w *Watch) {
			w.Key, w.State, w.Event.Workload, w.LandedAt = "production.shop.other", RolledBack, "other", time.Now()
			w.AcceptedAt = time.Now().Add(-time.Hour)
		})
		p.mu.Lock()
		p.ended[spent.Key] = spent
		p.mu.Unlock()
		require.NoError(t, p.Accept(t.Context(), w.switchOf("web")))
		waiting := w.await(p, AwaitingApproval)
		require.Contains(t, waiting.Reason, "budget")
		require.Zero(t, c.times())
	})
}

// A dry run cannot show a switch that only becomes possible by scaling up, but says that this would come first.
func TestADryRunTellsOfTheScalingThatComesFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		c := newColours(w)
		p := w.run(c.on, func(o *Options) { o.Policies[0].ReadyWithin = time.Minute })
		require.NoError(t, p.Accept(t.Context(), w.switchOf("web")))
		w.await(p, Watching)
		c.change(func(c *colours) { c.oldReady, c.oldReplicas = 0, 0 })
		reply := w.asks(p, control.Rollback, control.Request{DryRun: true})
		require.Equal(t, control.Code(rollback.RefuseTargetNotReady), reply.Code)
		require.Len(t, reply.Notes, 1)
		require.Contains(t, reply.Notes[0], "rollbackd would first scale Deployment shop/checkout-blue up from 0 to")
	})
}
