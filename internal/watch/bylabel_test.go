package watch

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// rollingSet is a watch of StatefulSet or DaemonSet checkout, of whose three pods one runs v2 and two still run v1.
func rollingSet(kind event.Kind) (Watch, rollback.Snapshot) {
	w := newTestWatch(func(w *Watch) { w.Event.Kind = kind })
	s := clusterShows("v2")
	s.Workload = w.workload()
	for i := range s.Revisions {
		s.Revisions[i].PodPrefix, s.Revisions[i].ByLabel = "", true
	}
	s.Pods = []rollback.PodState{
		{Name: "checkout-0", Owner: s.Revisions[1].UID, CreatedAt: start.Add(-time.Hour)},
		{Name: "checkout-1", Owner: s.Revisions[1].UID, CreatedAt: start.Add(-time.Hour)},
		{Name: "checkout-2", Owner: s.Revisions[0].UID, CreatedAt: start},
	}
	w.Pin = &rollback.Pin{WorkloadUID: s.UID, T0: start, Release: s.Revisions[0], Target: &s.Revisions[1]}
	w.State = Watching
	return w, s
}

func TestPodsOfAVersionAreToldByTheCluster(t *testing.T) {
	set := func(names ...string) map[string]bool {
		out := map[string]bool{}
		for _, n := range names {
			out[n] = true
		}
		return out
	}
	for _, tc := range []struct {
		name           string
		kind           event.Kind
		change         func(*Watch, *rollback.Snapshot)
		phase          incident.Phase
		judged, others map[string]bool
		since          map[string]time.Time
	}{
		{"of a StatefulSet from when each was made, to the second", event.KindStatefulSet, nil, incident.PhaseWatch,
			set("checkout-2"), set("checkout-0", "checkout-1"), map[string]time.Time{"checkout-2": start.Add(time.Second)}},
		{"of a DaemonSet by their names, which are never used again", event.KindDaemonSet, nil, incident.PhaseWatch,
			set("checkout-2"), set("checkout-0", "checkout-1"), nil},
		{"a restart of the release is the release", event.KindDaemonSet, func(_ *Watch, s *rollback.Snapshot) {
			s.Revisions = append(s.Revisions, revisionOf("v2", "3", start))
			s.Revisions[2].UID = "restarted"
			s.Live, s.Pods[0].Owner = &s.Revisions[2], "restarted"
		}, incident.PhaseWatch, set("checkout-0", "checkout-2"), set("checkout-1"), nil},
		{"a pod whose revision is gone is another version's", event.KindDaemonSet, func(_ *Watch, s *rollback.Snapshot) {
			s.Pods[2].Owner = s.UID
		}, incident.PhaseWatch, set(), set("checkout-0", "checkout-1", "checkout-2"), nil},
		{"after the rollback those of the version that was put back", event.KindDaemonSet, func(w *Watch, s *rollback.Snapshot) {
			w.intent = &incident.Intent{Plan: rollback.Plan{ToUID: s.Revisions[1].UID, ToTemplate: s.Revisions[1].Template}}
			s.Live = &s.Revisions[1]
		}, incident.PhaseVerify, set("checkout-0", "checkout-1"), set("checkout-2"), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, s := rollingSet(tc.kind)
			if tc.change != nil {
				tc.change(&w, &s)
			}
			got := w.podsIn(s, tc.phase)
			sub := (&got).within(analyzer.Subject{})
			require.Empty(t, cmp.Diff(tc.judged, sub.Release.Pods))
			require.Empty(t, cmp.Diff(tc.others, sub.Control.Pods))
			require.Empty(t, cmp.Diff(tc.since, sub.Release.Since))
		})
	}
}

func TestBeforeTheDeploymentAllPodsAreTheVersionBefores(t *testing.T) {
	set, _ := rollingSet(event.KindStatefulSet)
	require.Equal(t, "checkout-", set.allPods(set.predecessor()).Ordinals)
	daemon, _ := rollingSet(event.KindDaemonSet)
	require.Equal(t, "checkout-", daemon.allPods(daemon.predecessor()).PodPrefix)
	rolling := newTestWatch()
	require.Equal(t, analyzer.Members{PodPrefix: "x-"}, rolling.allPods(analyzer.Members{PodPrefix: "x-"}))
}

func TestTheQueryOfASetNamesWhatWasMeasured(t *testing.T) {
	w, _ := rollingSet(event.KindStatefulSet)
	require.Contains(t, w.queries(incident.PhaseWatch, start)["errors"], `pod=~"checkout-[0-9]+"`)
	w.known = map[string]bool{"checkout-2": true}
	require.Contains(t, w.queries(incident.PhaseWatch, start)["errors"], `pod=~"checkout-2"`)
}

// Ticks wait until the cache shows the workload as it was judged: measured by what it showed before, they would lay the old
// version's requests to the new one.
func TestTicksOfASetWaitForTheCache(t *testing.T) {
	inBubble(t, func(t *testing.T, world *world) {
		w, s := rollingSet(event.KindStatefulSet)
		scheduler := newScheduler(New(world.options()))
		world.live = s
		_, ok := scheduler.shown(&w, incident.PhaseWatch)
		require.True(t, ok)
		world.live.Template = podTemplate("v3")
		_, ok = scheduler.shown(&w, incident.PhaseWatch)
		require.False(t, ok, "the cache shows another version")
		world.live = rollback.Snapshot{}
		_, ok = scheduler.shown(&w, incident.PhaseWatch)
		require.False(t, ok, "the cache shows nothing")
		rolling := newTestWatch()
		pods, ok := scheduler.shown(&rolling, incident.PhaseWatch)
		require.True(t, ok, "whose names tell need not be looked at")
		require.Nil(t, pods)
	})
}

func TestADaemonSetWithALongNameIsNotWatched(t *testing.T) {
	w := newTestWatch(func(w *Watch) {
		w.Event.Kind, w.Event.Workload = event.KindDaemonSet, strings.Repeat("x", longestName)
	})
	release := rollback.Revision{ByLabel: true}
	require.Empty(t, w.untold(release))
	w.Event.Workload += "x"
	require.Contains(t, w.untold(release), "at most 57 characters")
}

func TestAStatefulSetIsNotADeploymentOfTheSameName(t *testing.T) {
	set, rolling := newTestWatch(func(w *Watch) { w.Event.Kind = event.KindStatefulSet }), newTestWatch()
	require.False(t, set.sameWorkload(rolling))
	require.True(t, set.sameWorkload(set))
	require.NotEqual(t, set.workload(), rolling.workload())
}
