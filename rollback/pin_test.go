package rollback

import (
	"strings"
	"testing"
	"time"
)

// watchOf is an earlier watch of a release, from the minute on, that ended without a verdict half an hour later.
func watchOf(r Revision, minute int, edits ...func(*PastWatch)) PastWatch {
	w := PastWatch{Hash: r.Hash, Template: r.Template, T0: at(minute), Ended: at(minute + 30)}
	for _, edit := range edits {
		edit(&w)
	}
	return w
}

func passed(w *PastWatch)       { w.Passed = true }
func bad(w *PastWatch)          { w.Bad = true }
func superseded(w *PastWatch)   { w.Superseded = true }
func schemaChange(w *PastWatch) { w.SchemaChange = true }

func with(target Revision) func(*PastWatch) {
	return func(w *PastWatch) { w.Target, w.Why = &target, "it had served for a day" }
}

func rolledBack(minute int) func(*PastWatch) {
	return func(w *PastWatch) { w.RolledBackAt = at(minute) }
}

func TestNewPinChoosesTheKnownGoodVersion(t *testing.T) {
	v1, v2, v3 := rs(1, "v1", 0), rs(2, "v2", 60), rs(3, "v3", 120)
	tests := []struct {
		name string
		// revisions are those in the cluster, the release first; past the earlier watches, the newest first.
		revisions []Revision
		past      []PastWatch
		// target is the wanted version, why part of its ground; without a target why is part of NoTarget.
		target, why string
	}{
		{"the first release has no target", []Revision{v1}, nil,
			"", "there is no earlier version of shop/checkout"},
		{"the version before, if it had served long enough", []Revision{v3, v2, v1}, nil,
			"v2", "v2 (revision 2) had served since 2026-11-22 09:00:00 UTC, for 1h0m0s"},
		{"not the version before, if it had served too briefly", []Revision{v3, rs(2, "v2", 110), v1}, nil,
			"", "v2 (revision 2) had served for only 10m0s before this deployment (15m0s are asked for)"},
		{"the newest version that passed comes before one that merely served", []Revision{v3, v2, v1}, []PastWatch{watchOf(v1, 0, passed)},
			"v1", "v1 (revision 1) passed the active stage"},
		{"of two that passed, the newer", []Revision{v3, v2, v1}, []PastWatch{watchOf(v2, 60, passed), watchOf(v1, 0, passed)},
			"v2", "passed"},
		{"a watch that ended without enough data is no bad end", []Revision{v3, v2, v1}, []PastWatch{watchOf(v2, 60)},
			"v2", "had served"},
		{"never a version that was proven bad", []Revision{v3, v2}, []PastWatch{watchOf(v2, 60, bad)},
			"", "v2 (revision 2) was proven bad"},
		{"not even if another watch of it had passed", []Revision{v3, v2, v1},
			[]PastWatch{watchOf(v2, 60, bad), watchOf(v2, 30, passed), watchOf(v1, 0, passed)},
			"v1", "passed"},
		{"a version that passed but has no ReplicaSet gives way to the one before", []Revision{v3, v2}, []PastWatch{watchOf(v1, 0, passed)},
			"v2", "had served"},
		{"and if that has served too briefly both reasons are given", []Revision{v3, rs(2, "v2", 110)}, []PastWatch{watchOf(v1, 0, passed)},
			"", "has no ReplicaSet any more; v2 (revision 2) had served for only"},
		{"an earlier watch of the release itself is no target", []Revision{v3, v2}, []PastWatch{watchOf(v3, 30, passed)},
			"v2", "had served"},

		{"a superseding watch inherits the target", []Revision{v3, v2, v1}, []PastWatch{watchOf(v2, 60, superseded, with(v1))},
			"v1", "v1 (revision 1) was the known-good target of v2 (revision 2), which was superseded before it could pass (it had served for a day)"},
		{"so does one whose predecessor is still open", []Revision{v3, v2, v1},
			[]PastWatch{watchOf(v2, 60, with(v1), func(w *PastWatch) { w.Ended = time.Time{} })}, "v1", "was the known-good target of v2"},
		{"so does one whose predecessor ended after it began", []Revision{v3, v2, v1},
			[]PastWatch{watchOf(v2, 100, with(v1))}, "v1", "was the known-good target of v2"},
		{"but not if the predecessor had passed", []Revision{v3, v2, v1}, []PastWatch{watchOf(v2, 60, passed, superseded, with(v1))},
			"v2", "passed"},
		{"nor if another version was live in between", []Revision{rs(4, "v4", 180), v3, v2, v1}, []PastWatch{watchOf(v2, 60, superseded, with(v1))},
			"v3", "had served"},
		{"nor if the target has gone", []Revision{v3, v2}, []PastWatch{watchOf(v2, 60, superseded, with(v1))},
			"v2", "had served"},
		{"the successor of a bad version inherits its target too", []Revision{v3, v2, v1}, []PastWatch{watchOf(v2, 60, bad, with(v1))},
			"v1", "which was proven bad"},
		{"also when that target has just been put back", []Revision{v3, revived(2, "v1", 0), rs(1, "v2", 60)},
			[]PastWatch{watchOf(rs(1, "v2", 60), 60, bad, with(revived(2, "v1", 0)), rolledBack(118))}, "v1", "which was proven bad"},

		{"not across a schema change", []Revision{v3, v2, v1}, []PastWatch{watchOf(v2, 60, superseded, schemaChange, with(v1)), watchOf(v1, 0, passed)},
			"v2", "had served"},
		{"not across a schema change of a version whose ReplicaSet is gone", []Revision{v3, v1}, []PastWatch{watchOf(v2, 60, schemaChange), watchOf(v1, 0, passed)},
			"", "a release after v1 (revision 1) changed a database schema"},
		{"a schema change of the target itself is behind it", []Revision{v3, v2}, []PastWatch{watchOf(v2, 60, schemaChange)},
			"v2", "had served"},
		{"a schema change before the target is behind it", []Revision{v3, v2, v1}, []PastWatch{watchOf(v1, 0, schemaChange)},
			"v2", "had served"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := live(tt.revisions...)
			release := tt.revisions[0]
			pin := NewPin(s, release, release.FirstPodAt, tt.past, 15*time.Minute)
			checkTarget(t, pin, tt.target, tt.why)
			if pin.WorkloadUID != s.UID || pin.Release.UID != release.UID || !pin.T0.Equal(release.FirstPodAt) || pin.Replicas != 2 {
				t.Errorf("the pin is not of this release: %+v", pin)
			}
		})
	}
}

func TestServingSinceIsNeverGuessed(t *testing.T) {
	v1, v2, v3 := rs(1, "v1", 0), rs(2, "v2", 60), rs(5, "v3", 120)
	back := revived(4, "v1", 0)
	withPod := back
	withPod.FirstPodAt = at(90)
	tests := []struct {
		name        string
		revisions   []Revision
		past        []PastWatch
		target, why string
	}{
		{"a template that was put back has served since nobody knows when", []Revision{v3, back, v2}, nil,
			"", "v1 (revision 4) was put back before this deployment, and it is not known when"},
		{"its oldest live pod tells", []Revision{v3, withPod, v2}, nil, "v1", "since 2026-11-22 09:30:00 UTC"},
		{"a watch of it that began after it was put back tells", []Revision{v3, back, v2}, []PastWatch{watchOf(v1, 80)},
			"v1", "since 2026-11-22 09:20:00 UTC"},
		{"a watch of its first service does not", []Revision{v3, back, v2}, []PastWatch{watchOf(v1, 0)}, "", "it is not known when"},
		{"the rollback to it tells", []Revision{v3, back, rs(3, "v2b", 70)}, []PastWatch{
			watchOf(rs(9, "gone", 80), 80), watchOf(rs(3, "v2b", 70), 70, bad, with(v1), rolledBack(100))},
			"v1", "since 2026-11-22 09:40:00 UTC, for 20m0s"},
		{"and a rollback to it starts its service anew", []Revision{v3, back, rs(3, "v2b", 70)}, []PastWatch{
			watchOf(rs(9, "gone", 80), 80), watchOf(rs(3, "v2b", 70), 70, bad, with(v1), rolledBack(110))},
			"", "had served for only 10m0s"},
		{"a watch that saw it go live later than its ReplicaSet was made counts", []Revision{v3, v2}, []PastWatch{watchOf(v2, 115)},
			"", "had served for only 5m0s"},
		{"a restart does not start its service anew", []Revision{v3, rsOf(4, "v2", 110, restarted("v2", "10")),
			rsOf(3, "v2", 100, restarted("v2", "9")), rs(2, "v2", 60)}, nil, "v2", "since 2026-11-22 09:00:00 UTC"},
		{"a restart of the release itself is not what was live before", []Revision{rsOf(5, "v3", 120, restarted("v3", "10")),
			rs(4, "v3", 119), rs(3, "v2", 60)}, nil, "v2", "had served"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := live(tt.revisions...)
			checkTarget(t, NewPin(s, tt.revisions[0], at(120), tt.past, 15*time.Minute), tt.target, tt.why)
		})
	}
}

func checkTarget(t *testing.T, pin Pin, version, why string) {
	t.Helper()
	switch {
	case version == "" && pin.Target != nil:
		t.Fatalf("the target is %s (%s), want none because %q", pin.Target.name(), pin.Why, why)
	case version == "":
		if !strings.Contains(pin.NoTarget, why) {
			t.Errorf("NoTarget = %q, want %q", pin.NoTarget, why)
		}
	case pin.Target == nil:
		t.Fatalf("there is no target (%s), want %s", pin.NoTarget, version)
	case pin.Target.Version != version || !strings.Contains(pin.Why, why):
		t.Errorf("the target is %s because %q, want %s because %q", pin.Target.name(), pin.Why, version, why)
	}
}
