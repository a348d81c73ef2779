package watch

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// feedOf tells of the world's only workload at first, and whenever a test says that it changed.
type feedOf struct {
	namespaces []string
	changes    chan rollback.Changed
}

func newFeed() *feedOf { return &feedOf{changes: make(chan rollback.Changed, 8)} }

func (f *feedOf) Run(ctx context.Context, namespaces []string, tell func(rollback.Changed)) error {
	f.namespaces = namespaces
	for {
		select {
		case c := <-f.changes:
			tell(c)
		case <-ctx.Done():
			return nil
		}
	}
}

func (f *feedOf) changed() {
	f.changes <- rollback.Changed{Workload: rollback.Workload{Namespace: "shop", Name: "checkout"}}
}

// lookingOut has deployments watched that nobody announces within 30 s.
func lookingOut(f *feedOf, unannounced bool) func(*Options) {
	return func(o *Options) {
		o.Feed = f
		o.Policies[0].Unannounced, o.Policies[0].AnnounceWithin = unannounced, 30*time.Second
	}
}

// deployNext has the cluster run a version that was made now.
func (w *world) deployNext(version, number string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live.Template, w.live.Revision = podTemplate(version), number
	w.live.Revisions = append([]rollback.Revision{revisionOf(version, number, time.Now().UTC().Truncate(time.Second))}, w.live.Revisions...)
	w.live.Live = &w.live.Revisions[0]
}

// TestUnannouncedDeploymentIsWatched: nobody tells of the bad release, and it is rolled back all the same. The record says
// that nobody announced it. The rollback is no deployment, and a process that starts later finds the same watch.
func TestUnannouncedDeploymentIsWatched(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		f := newFeed()
		p := w.run(lookingOut(f, true))
		f.changed()
		settle(29 * time.Second)
		require.Empty(t, p.Watches(), "its event may still come")
		got := w.await(p, Verifying)
		require.True(t, got.Unannounced)
		require.True(t, got.View().Unannounced)
		require.Equal(t, "unannounced-uid-2", got.Event.ID)
		require.Equal(t, "v2", got.Event.Version)
		require.Equal(t, []string{""}, f.namespaces)
		var accepted incident.Entry
		require.NoError(t, p.opts.Journal.Read(t.Context(), got.Key, func(_ uint64, data []byte) error {
			if accepted.Accepted != nil {
				return nil
			}
			return json.Unmarshal(data, &accepted)
		}))
		require.True(t, accepted.Accepted.Unannounced)

		w.mu.Lock()
		w.live.Revisions[1].Number, w.live.Revisions[1].Revived, w.live.Revisions[1].FirstPodAt = "3", true, time.Now()
		w.live.Revisions[0], w.live.Revisions[1] = w.live.Revisions[1], w.live.Revisions[0]
		w.live.Live = &w.live.Revisions[0]
		w.mu.Unlock()
		f.changed()
		settle(5 * time.Minute)
		p.stop()
		p = w.run(lookingOut(f, true))
		f.changed()
		settle(time.Hour)
		require.Len(t, p.Watches(), 1)
		require.Len(t, w.patches, 1)
	})
}

// TestAnnouncedInTime: the event comes while it is waited for.
func TestAnnouncedInTime(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		f := newFeed()
		p := w.run(lookingOut(f, true))
		f.changed()
		settle(20 * time.Second)
		require.NoError(t, p.Accept(t.Context(), w.document()))
		settle(time.Hour)
		require.Len(t, p.Watches(), 1)
		require.False(t, p.Watches()[0].Unannounced)
	})
}

// TestAnnouncedLate: the event comes when the release is watched already. It joins, unless it says that a schema was changed,
// which the watch must know.
func TestAnnouncedLate(t *testing.T) {
	for name, c := range map[string]struct {
		edits []string
		late  State
		first State
	}{
		"the same": {nil, Superseded, Healthy},
		"a schema": {[]string{`"version"`, `"schemaChange":true,"version"`}, Healthy, Superseded},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.errorsIn = 1
				f := newFeed()
				p := w.run(lookingOut(f, true))
				f.changed()
				settle(45 * time.Second)
				require.Len(t, p.Watches(), 1)
				require.NoError(t, p.Accept(t.Context(), w.document(c.edits...)))
				settle(time.Hour)
				all := p.Watches()
				require.Len(t, all, 2)
				require.Equal(t, []State{c.late, c.first}, []State{all[0].State, all[1].State}, all[0].Reason)
				require.True(t, all[1].Unannounced)
			})
		})
	}
}

// TestUnwatchedChange: a watched workload is changed and nobody announces that. People are told, once, unless it is watched
// all the same or its event comes.
func TestUnwatchedChange(t *testing.T) {
	for name, c := range map[string]struct {
		unannounced, event, restarted bool
		told                          int
	}{
		"told":                     {told: 1},
		"told by the next process": {restarted: true, told: 1},
		"watched":                  {unannounced: true},
		"announced later":          {event: true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.errorsIn = 1
				f := newFeed()
				p := w.run(lookingOut(f, c.unannounced))
				require.NoError(t, p.Accept(t.Context(), w.document()))
				w.await(p, Watching)
				settle(5 * time.Second)
				w.deployNext("v3", "3")
				f.changed()
				p.ClusterChanged(w.live.Workload)
				settle(5 * time.Second)
				require.Equal(t, Superseded, p.Watches()[0].State)
				if c.restarted {
					p.stop()
					p = w.run(lookingOut(f, c.unannounced))
				}
				settle(10 * time.Second)
				if c.event {
					require.NoError(t, p.Accept(t.Context(), published(time.Now(), `"d1"`, `"d2"`, `"v2"`, `"v3"`)))
				}
				require.Empty(t, w.unwatched())
				settle(time.Hour)
				require.Len(t, w.unwatched(), c.told)
				require.Len(t, p.Watches(), 2-c.told)
				for _, n := range w.unwatched() {
					require.Equal(t, notifier.Warn, n.Severity)
					require.Contains(t, n.Text, "v2")
					require.Contains(t, n.Text, "v3")
				}
			})
		})
	}
}

func (w *world) unwatched() (out []notifier.Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.notices {
		if n.Title == "unwatched change of shop/checkout" {
			out = append(out, n)
		}
	}
	return out
}

// TestFinding: what is live is nobody's if no watch followed it, waits for it, or put it there, and if it is neither too
// young nor too old.
func TestFinding(t *testing.T) {
	policy := testPolicy()
	policy.AnnounceWithin = 30 * time.Second
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	pinnedTo := func(r rollback.Revision) Watch { return Watch{State: Healthy, Pin: &rollback.Pin{Release: r}} }
	saying := func(version string, state State, accepted time.Time) Watch {
		return Watch{State: state, AcceptedAt: accepted, Event: event.Event{Version: version}}
	}
	v1, v2 := revisionOf("v1", "1", start.Add(-time.Hour)), revisionOf("v2", "2", start)
	v1Again := revisionOf("v1", "3", start.Add(-time.Hour))
	v1Again.Revived, v1Again.FirstPodAt = true, start
	back := clusterShows("v1")
	back.Revisions = []rollback.Revision{v1Again, v2}
	back.Live = &back.Revisions[0]
	ours := back
	ours.Annotations = map[string]string{rollback.IntentAnnotation: "production.shop.abc." + strconv.FormatInt(start.UnixMilli(), 10)}
	older := back
	older.Annotations = map[string]string{rollback.IntentAnnotation: "production.shop.abc." + strconv.FormatInt(start.Add(-time.Hour).UnixMilli(), 10)}
	starting := back
	starting.Revisions = []rollback.Revision{v1Again, v2}
	starting.Revisions[0].FirstPodAt = time.Time{}
	starting.Live = &starting.Revisions[0]

	for name, c := range map[string]struct {
		shown rollback.Snapshot
		known []Watch
		now   int
		again int
		found bool
	}{
		"nobody's":                    {shown: clusterShows("v2"), now: 30, found: true},
		"too young":                   {shown: clusterShows("v2"), now: 29, again: 30},
		"too old":                     {shown: clusterShows("v2"), now: 181},
		"nothing before":              {shown: clusterShows("v2", "alone"), now: 60},
		"the controller is behind":    {shown: clusterShows("v2", "unsettled"), now: 60, again: 65},
		"watched":                     {shown: clusterShows("v2"), known: []Watch{pinnedTo(v2)}, now: 60},
		"the one before was watched":  {shown: clusterShows("v2"), known: []Watch{pinnedTo(v1)}, now: 60, found: true},
		"waited for":                  {shown: clusterShows("v2"), known: []Watch{saying("v2", Pending, at(-60))}, now: 60},
		"another one is waited for":   {shown: clusterShows("v2"), known: []Watch{saying("v9", Pending, at(10))}, now: 60, found: true},
		"recorded only":               {shown: clusterShows("v2"), known: []Watch{saying("v2", Inconclusive, at(10))}, now: 60},
		"announced long before":       {shown: clusterShows("v2"), known: []Watch{saying("v2", Inconclusive, at(-10))}, now: 60, found: true},
		"put back by somebody":        {shown: back, known: []Watch{pinnedTo(v1), pinnedTo(v2)}, now: 60, found: true},
		"put back, and no pod yet":    {shown: starting, now: 60, again: 65},
		"put back by us":              {shown: back, known: []Watch{{State: RolledBack, LandedAt: at(-1), Pin: &rollback.Pin{Release: v2, Target: &v1}}}, now: 60},
		"being put back by us":        {shown: back, known: []Watch{{State: RollingBack, Pin: &rollback.Pin{Release: v2, Target: &v1}}}, now: 60},
		"put back by us, and lost":    {shown: ours, now: 60},
		"an intent of an hour before": {shown: older, now: 60, found: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := sighting{policy: policy, snapshot: c.shown, known: c.known}
			got := s.find(at(c.now))
			require.Equal(t, c.found, got.unannounced)
			if c.again == 0 {
				require.Zero(t, got.again)
			} else {
				require.Equal(t, at(c.again), got.again)
			}
		})
	}
}

// TestMadeUpEvent is valid, and the same in every process.
func TestMadeUpEvent(t *testing.T) {
	target := event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"}
	s := sighting{target: target, snapshot: clusterShows("v2")}
	in, ok := rollback.Introduced(s.snapshot)
	require.True(t, ok)
	e, err := s.event(in)
	require.NoError(t, err)
	again, err := s.event(in)
	require.NoError(t, err)
	require.Equal(t, e.Key(), again.Key())
	require.Equal(t, target, e.Target())
	require.True(t, start.Equal(e.Timestamp))
	s.snapshot.Template = []byte(`{"spec":{"containers":[{"image":"checkout"}]}}`)
	_, err = s.event(in)
	require.Error(t, err, "a template without a version cannot be told from others")
}
