package rollback

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// drilledWith is the template of a version, marked as that of a drill.
func drilledWith(version, id string) json.RawMessage {
	return podSpec(version, `"note":"a <b> & c"`, `"note":"a <b> & c","`+DrillAnnotation+`":"`+id+`"`)
}

func drillFor(s Snapshot) Drill {
	return Drill{ID: "drill-1", Workload: s.Workload, UID: s.UID, Good: podSpec("v1"), Bad: drilledWith("v1-bad", "drill-1")}
}

// ended is the good template as it is put back: it says since when.
func ended() json.RawMessage {
	return podSpec("v1", `"note":"a <b> & c"`, `"note":"a <b> & c","rollbackd.io/restartedAt":"2026-11-22T09:30:00Z"`)
}

// template is what the server has.
func (s *server) template() json.RawMessage {
	var d deployment
	if err := json.Unmarshal(s.object, &d); err != nil {
		s.t.Fatal(err)
	}
	return d.Spec.Template
}

// The end of a drill undoes the drill and nothing else, whatever has happened since it began.
func TestTheEndOfADrill(t *testing.T) {
	running := func(template json.RawMessage, edits ...func(*Snapshot)) Snapshot {
		s := live(rs(3, "v1", 0))
		s.Template = template
		for _, edit := range edits {
			edit(&s)
		}
		return s
	}
	for _, tc := range []struct {
		name string
		now  *Snapshot
		end  DrillEnd
		runs json.RawMessage
	}{
		{"its version is live", new(running(drilledWith("v1-bad", "drill-1"))), DrillUndone, ended()},
		{"its rollout was restarted", new(running(podSpec("v1-bad", `"note":"a <b> & c"`, `"`+DrillAnnotation+`":"drill-1","kubectl.kubernetes.io/restartedAt":"now"`))), DrillUndone, ended()},
		{"rollbackd was faster", new(running(podSpec("v1"))), DrillOver, podSpec("v1")},
		{"it was ended before", new(running(ended())), DrillOver, ended()},
		{"somebody deployed something else", new(running(podSpec("v2"))), DrillReplaced, podSpec("v2")},
		{"another drill has begun", new(running(drilledWith("v1-bad", "drill-2"))), DrillReplaced, drilledWith("v1-bad", "drill-2")},
		{"the workload was made anew", new(running(drilledWith("v1-bad", "drill-1"), func(s *Snapshot) { s.UID = "another" })), DrillGone, drilledWith("v1-bad", "drill-1")},
		{"the workload is gone", nil, DrillGone, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, cluster := newServer(t, tc.now)
			end, err := cluster.End(t.Context(), drillFor(live(rs(1, "v1", 0))), at(90))
			require.NoError(t, err)
			require.Equal(t, tc.end, end)
			if tc.runs != nil {
				require.JSONEq(t, string(tc.runs), string(srv.template()))
			}
		})
	}
}

// Between the look and the patch somebody deploys something else: it is left alone.
func TestTheEndOfADrillLosesEveryRace(t *testing.T) {
	s := live(rs(3, "v1", 0))
	s.Template = drilledWith("v1-bad", "drill-1")
	srv, cluster := newServer(t, &s)
	srv.onPatch = func([]byte) *apierrors.StatusError {
		s.Template = podSpec("v2")
		srv.object = object(s)
		return nil
	}
	end, err := cluster.End(t.Context(), drillFor(s), at(90))
	require.NoError(t, err)
	require.Equal(t, DrillReplaced, end)
	require.JSONEq(t, string(podSpec("v2")), string(srv.template()))
}

// A drill begins only on what the person was shown.
func TestADrillBeginsOnNothingElse(t *testing.T) {
	s := live(rs(1, "v1", 0))
	for name, change := range map[string]func(*Snapshot){
		"another template": func(s *Snapshot) { s.Template = podSpec("v2") },
		"another object":   func(s *Snapshot) { s.UID = "another" },
		"paused":           func(s *Snapshot) { s.Paused = true },
	} {
		t.Run(name, func(t *testing.T) {
			other := s
			change(&other)
			srv, cluster := newServer(t, &other)
			require.Error(t, cluster.Begin(t.Context(), drillFor(s)))
			require.JSONEq(t, string(other.Template), string(srv.template()))
		})
	}
	srv, cluster := newServer(t, &s)
	require.NoError(t, cluster.Begin(t.Context(), drillFor(s)))
	require.Equal(t, "drill-1", drillIn(srv.template()))
}

// The change is put where it stands, and marked; what else the person wrote of the template's metadata stays.
func TestTheChangeOfADrillIsMarked(t *testing.T) {
	patch, err := templatePatch([]byte(`{"metadata":{"annotations":{"a":"b"},"labels":{"c":"d"}},"spec":{"containers":[{"name":"app","image":"x:1"}]}}`), "drill-1")
	require.NoError(t, err)
	require.JSONEq(t, `{"spec":{"template":{"metadata":{"annotations":{"a":"b","rollbackd.io/drill":"drill-1"},"labels":{"c":"d"}},
		"spec":{"containers":[{"name":"app","image":"x:1"}]}}}}`, string(patch))
	patch, err = templatePatch([]byte(`{}`), "drill-1")
	require.NoError(t, err)
	require.JSONEq(t, `{"spec":{"template":{"metadata":{"annotations":{"rollbackd.io/drill":"drill-1"}}}}}`, string(patch))
	_, err = templatePatch([]byte(`[]`), "drill-1")
	require.Error(t, err)
}

// A template holds what anybody wrote; a terminal shows all of it as text.
func TestTheDiffOfADrillIsHarmless(t *testing.T) {
	d := drillFor(live(rs(1, "v1", 0)))
	d.Bad = podSpec(`v1\u001b[2J`)
	diff, err := d.Diff()
	require.NoError(t, err)
	require.False(t, strings.ContainsRune(diff, 0x1b), diff)
	require.Contains(t, diff, "+++ Deployment shop/checkout, for the drill\n")
}

// What a drill put back is known to be good once it has served for long enough, also if it has never passed a watch and the daemon never
// saw the drill.
func TestWhatADrillPutsBackIsKnownToBeGood(t *testing.T) {
	back := rsOf(3, "v1", 90, ended())
	require.True(t, sameRelease(back.Template, podSpec("v1")))
	release := rs(4, "v2", 120)
	checkTarget(t, NewPin(live(release, back, rsOf(2, "v1-bad", 89, drilledWith("v1-bad", "drill-1"))), release, at(120), nil, 15*time.Minute), "v1", "had served since 2026-11-22 09:30:00 UTC, for 30m0s")
	early := NewPin(live(release, back), release, at(100), nil, 15*time.Minute)
	require.Nil(t, early.Target)
}
