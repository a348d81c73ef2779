package watch

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// pausing has the watch stop its rollout on suspicion.
func pausing(w *Watch) { w.Policy.PauseAtSuspicion = true }

// Pause is the real one's compare-and-swap.
func (c clusterOf) Pause(ctx context.Context, p rollback.Pause) (result rollback.Result, detail string, err error) {
	err = c.call(ctx, "cluster.pause", func() error {
		result, detail = rollback.Landed, "said the fake"
		switch {
		case c.live.OwnPause != nil && c.live.OwnPause.ID == p.Mark.ID:
		case c.live.Paused || !rollback.TemplatesEqual(c.live.Template, p.Template):
			result = rollback.Superseded
		default:
			c.live.Paused, c.live.OwnPause = true, &p.Mark
			c.paused = append(c.paused, p.Mark.ID)
		}
		return nil
	})
	return result, detail, err
}

func (c clusterOf) Resume(ctx context.Context, _ rollback.Workload, mark rollback.PauseMark) (result rollback.Result, detail string, err error) {
	err = c.call(ctx, "cluster.resume", func() error {
		result, detail = rollback.Superseded, "said the fake"
		if c.live.OwnPause != nil && c.live.OwnPause.ID == mark.ID {
			c.resumes("resume")
			result = rollback.Landed
		}
		return nil
	})
	return result, detail, err
}

// resumes has the rollout go on and, as nothing stops it, be complete.
func (w *world) resumes(by string) {
	w.live.Paused, w.live.OwnPause = false, nil
	w.live.Status.UpdatedReplicas = w.live.Status.Replicas
	w.resumed = append(w.resumed, by)
}

func (w *world) whatResumed() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.resumed)
}

func (w *world) whatPaused() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.paused)
}

// suspicious is a world whose rollout is still going on and is stopped on suspicion.
func (w *world) suspicious() {
	w.live.Status.UpdatedReplicas = 1
	w.edits = append(w.edits, func(o *Options) { o.Policies[0].PauseAtSuspicion = true })
}

// suspicion leads to a suspicion while the rollout goes on: half of the 20 s that the rule asks for.
const suspicion = `
	1s  | see v2 rolling       | pinned >Watching       | Watching baseline
	2s  | baseline 10000       | baseline               | Watching
	16s | ticks bad 15s        | tick INSUFFICIENT tick*2 | Watching plan-pause
	16s | planpause v2 rolling | pause                  | Watching pause
	16s | paused landed        | paused=landed          | Watching`

func TestASuspectedRolloutIsPaused(t *testing.T) {
	for name, script := range map[string]string{
		"and rolled back, which ends the pause": `
			21s | ticks bad 20s     | tick           | Watching
			31s | ticks bad 30s     | tick*2         | Watching open-incident
			31s | incident i1       | REGRESSED >Regressed | Regressed plan
			31s | plan v2 ourpause rolling | plan intent >RollingBack | RollingBack apply
			31s | applied landed    | outcome=landed >Verifying | Verifying
			6m  | clock             | >NotRecovered  | NotRecovered`,
		"and goes on when the suspicion has faded": `
			21s | ticks good 20s    | tick           | Watching
			26s | ticks good 25s    | tick HEALTHY   | Watching
			31s | ticks good 30s    | tick           | Watching
			36s | ticks good 35s    | tick           | Watching resume
			37s | stuckpause        | -              | Watching resume
			38s | resumed landed    | resumed=landed | Watching
			56s | ticks bad 55s     | tick INSUFFICIENT tick*3 | Watching`,
		"for five minutes at the most, while nothing is measured": `
			5m15s | clock           | -              | Watching
			5m16s | clock           | -              | Watching resume
			5m17s | resumed landed  | resumed=landed | Watching`,
		"until somebody ends it": `
			17s   | see v2          | rollout        | Watching resume
			18s   | resumed superseded | resumed=superseded | Watching`,
		"though the watch ends": `
			17s   | ana abort       | control=abort INSUFFICIENT >Aborted | Aborted`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, pausing)
			s.play(suspicion + script)
			if s.watch.State == Aborted {
				require.True(t, s.watch.guarded(s.now.Add(time.Hour)))
				require.Equal(t, "the watch has ended (Aborted)", s.watch.whyResume(s.now))
				return
			}
			require.False(t, s.watch.Pause.open())
			require.Empty(t, s.watch.whyResume(s.now.Add(time.Hour)))
		})
	}
}

func TestAPauseThatIsNotMade(t *testing.T) {
	for name, tc := range map[string]struct {
		edit   func(*Watch)
		script string
	}{
		"nobody asks for it": {func(*Watch) {}, `16s | ticks bad 15s | tick INSUFFICIENT tick*2 | Watching`},
		"the stage observes": {func(w *Watch) { pausing(w); w.Policy.Stages[0].Mode = Observe }, `16s | ticks bad 15s | tick INSUFFICIENT tick*2 | Watching`},
		"paused by a person, and asked again on the next tick": {pausing, `
			16s | ticks bad 15s               | tick INSUFFICIENT tick*2 | Watching plan-pause
			16s | planpause v2 rolling paused | -                      | Watching
			17s | clock                       | -                      | Watching
			21s | ticks bad 20s               | tick                   | Watching plan-pause`},
		"it is complete": {pausing, `
			16s | ticks bad 15s   | tick INSUFFICIENT tick*2 | Watching plan-pause
			16s | planpause v2    | -                      | Watching`},
		"the suspicion is over by the time that it is planned": {pausing, `
			16s | ticks bad 15s        | tick INSUFFICIENT tick*2 | Watching plan-pause
			46s | planpause v2 rolling | -                      | Watching`},
		"the cluster refuses it": {pausing, `
			16s | ticks bad 15s        | tick INSUFFICIENT tick*2 | Watching plan-pause
			16s | planpause v2 rolling | pause                  | Watching pause
			16s | paused superseded    | paused=superseded      | Watching
			6m  | clock                | -                      | Watching`},
		"nobody knows whether it landed": {pausing, `
			16s | ticks bad 15s        | tick INSUFFICIENT tick*2 | Watching plan-pause
			16s | planpause v2 rolling | pause                  | Watching pause
			46s | clock                | -                      | Watching pause
			47s | clock                | -                      | Watching
			5m17s | clock              | -                      | Watching resume
			5m17s | resumed superseded | resumed=superseded     | Watching`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, tc.edit)
			s.play(`
				1s  | see v2 rolling  | pinned >Watching    | Watching baseline
				2s  | baseline 10000  | baseline            | Watching
				` + tc.script)
		})
	}
}

// A restart lets the rollout go on at once if it is known to be stopped, and otherwise when it is known that it is not.
func TestARestartEndsAPause(t *testing.T) {
	s := newStory(t, pausing)
	s.play(suspicion)
	again := s.restarted
	again.resumed = s.now.Add(time.Second)
	require.Equal(t, effectResume, again.wanted(s.now.Add(time.Second)))

	s.killed(1) // the outcome was not stored
	again = s.restarted
	again.resumed = s.now.Add(time.Second)
	require.Equal(t, effectNone, again.wanted(s.now.Add(2*time.Second)), "it is not tried again")
	require.Equal(t, effectNone, again.wanted(s.now.Add(pauseUnknown)))
	require.Equal(t, effectResume, again.wanted(s.now.Add(pauseUnknown+time.Second)))
}

func TestPausedInOneProcess(t *testing.T) {
	t.Run("and rolled back", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			w.suspicious()
			p := w.run()
			require.NoError(t, p.Accept(t.Context(), w.document()))
			ended := w.await(p, RolledBack)
			require.Len(t, w.whatPaused(), 1)
			require.Equal(t, []string{"rollback"}, w.whatResumed())
			require.False(t, ended.Pause.open())
		})
	})
	t.Run("and faded", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			w.suspicious()
			p := w.run()
			require.NoError(t, p.Accept(t.Context(), w.document()))
			w.awaitPaused()
			w.mu.Lock()
			w.errorsIn = 1
			w.mu.Unlock()
			w.await(p, Healthy)
			require.Equal(t, []string{"resume"}, w.whatResumed())
			require.Empty(t, w.patched())
		})
	})
	t.Run("and aborted while the API server is away", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			w.suspicious()
			p := w.run()
			require.NoError(t, p.Accept(t.Context(), w.document()))
			w.awaitPaused()
			w.failing(func(call string, _ bool) error {
				if call == "cluster.resume" {
					return errDown
				}
				return nil
			})
			require.Empty(t, w.asks(p, control.Abort, control.Request{Watch: p.Watches()[0].Key}).Code)
			w.await(p, Aborted)
			time.Sleep(10 * time.Minute)
			require.Empty(t, w.whatResumed())
			require.Contains(t, w.told(), "shop/checkout v2: the rollout is still paused, and cannot be resumed")
			p.stop()
			w.failing(nil)
			p = w.run() // which guards the ended watch
			time.Sleep(time.Minute)
			require.Equal(t, []string{"resume"}, w.whatResumed())
			require.False(t, p.Watches()[0].Pause.open())
		})
	})
}

// A pause of which no journal tells any more ends by its annotation, and one of a person does not.
func TestAStrayPauseEnds(t *testing.T) {
	for name, own := range map[string]bool{"rollbackd's own": true, "of somebody else by now": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				mark := rollback.PauseMark{Watch: "production.shop.lost", ID: "p1", Until: time.Now().Add(time.Minute).UTC()}
				w.live.Workload.Kind = rollback.KindDeployment
				w.live.Paused = true
				if own {
					w.live.OwnPause = &mark
				}
				text := mark.Annotation()
				about := w.live.Workload
				w.run(func(o *Options) { o.Marks = pausedMarks{marksOf{w}, about, text} })
				time.Sleep(80 * time.Second)
				require.Empty(t, w.whatResumed())
				time.Sleep(20 * time.Second)
				if own {
					require.Equal(t, []string{"resume"}, w.whatResumed())
					require.Contains(t, w.told(), "the rollout of shop/checkout goes on")
				} else {
					require.Empty(t, w.whatResumed())
				}
			})
		})
	}
}

// awaitPaused lets time pass until the rollout is paused, and that is journalled.
func (w *world) awaitPaused() {
	w.t.Helper()
	for range 400 {
		for _, e := range w.entries() {
			if e.Kind == incident.KindPaused {
				return
			}
		}
		time.Sleep(250 * time.Millisecond)
	}
	w.t.Fatal("never paused")
}

// pausedMarks are those of a world in which a workload carries the annotation of a pause.
type pausedMarks struct {
	marksOf
	about rollback.Workload
	text  string
}

func (m pausedMarks) Annotated(ctx context.Context, kind rollback.Kind, namespace, name string) ([]rollback.Annotated, error) {
	if name == rollback.PauseAnnotation {
		return []rollback.Annotated{{Workload: m.about, Value: m.text}}, nil
	}
	return m.marksOf.Annotated(ctx, kind, namespace, name)
}
