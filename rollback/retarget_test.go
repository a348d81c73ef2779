package rollback

import (
	"strings"
	"testing"
)

func TestRetargetToARevisionThatAPersonNames(t *testing.T) {
	s := live(rs(3, "v3", 120), rs(2, "v2", 60), rs(1, "v1", 0))
	watched := NewPin(s, *s.Live, at(120), nil, 0)
	unwatched := Pin{WorkloadUID: s.UID}
	for name, retarget := range map[string]func() (Pin, *Refusal){
		"a watched workload":  func() (Pin, *Refusal) { return RetargetTo(watched, s, "1") },
		"one without a watch": func() (Pin, *Refusal) { return PinTo(s, "1") },
	} {
		pin, refusal := retarget()
		if refusal != nil {
			t.Fatalf("%s: %v", name, refusal)
		}
		if pin.Target.Version != "v1" || pin.Why != "v1 (revision 1) was named by a person" || pin.NoTarget != "" || pin.Replicas != 2 {
			t.Errorf("%s: the pin is not to v1: %+v", name, pin)
		}
		if pin.Release.Version != "v3" || !pin.T0.Equal(at(120)) {
			t.Errorf("%s: the release is not v3: %+v", name, pin.Release)
		}
		plan, refusal := MakePlan(pin, s, false)
		if refusal != nil || plan.ToRevision != "1" || plan.FromRevision != "3" {
			t.Errorf("%s: the plan is not from 3 to 1: %+v, %v", name, plan, refusal)
		}
	}
	if watched.Target.Version != "v2" {
		t.Error("the watch's own pin was changed")
	}
	if _, refusal := RetargetTo(unwatched, s, "1"); refusal != nil {
		t.Errorf("a pin without a target cannot be given one: %v", refusal)
	}
}

func TestRetargetRefuses(t *testing.T) {
	long := rs(1, "v1", 0)
	long.PodPrefix = "cut"
	base := func() Snapshot { return live(rs(3, "v3", 120), rs(2, "v2", 60), long) }
	tests := []struct {
		name     string
		change   func(*Pin, *Snapshot)
		revision string
		code     RefusalCode
		reason   string
	}{
		{"a revision that is gone", nil, "7", RefuseNoRevision, `has no revision "7"; it has v3 (revision 3), v2 (revision 2), v1 (revision 1)`},
		{"no revision at all", nil, "", RefuseNoRevision, `has no revision ""`},
		{"the previous one by kubectl's zero, for it may be the bad one", nil, "0", RefuseNoRevision, `has no revision "0"`},
		{"another way to write a number", nil, "02", RefuseNoRevision, `has no revision "02"`},
		{"what cannot be shown as it is", nil, "\x1b[2J" + strings.Repeat("x", 99), RefuseNoRevision, `has no revision "\x1b[2J` + strings.Repeat("x", 36) + `…"`},
		{"a ReplicaSet that has no number yet", func(_ *Pin, s *Snapshot) { s.Revisions[1].Number = "" }, "", RefuseNoRevision, `it has v3 (revision 3), v1`},
		{"what is live", nil, "3", RefuseTargetIsLive, "already runs v3 (revision 3)"},
		{"a revision with the live template under another number", func(_ *Pin, s *Snapshot) { s.Revisions[1].Template = podSpec("v3") }, "2",
			RefuseTargetIsLive, "already runs v2 (revision 2)"},
		{"pods whose names do not tell whose they are", nil, "1", RefuseNoRevision, "cannot be told from others'"},
		{"a workload that was made again", func(_ *Pin, s *Snapshot) { s.UID = "another" }, "2", RefuseWorkloadGone, "was deleted"},
		{"a workload that is being deleted", func(_ *Pin, s *Snapshot) { s.Deleting = true }, "2", RefuseWorkloadGone, "was deleted"},
		{"a blue-green deployment", func(p *Pin, _ *Snapshot) { p.Switch = &PinnedSwitch{Switch: toGreen()} }, "2",
			RefuseNoRevision, "is switched by Service shop/checkout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := base()
			pin := NewPin(s, *s.Live, at(120), nil, 0)
			if tt.change != nil {
				tt.change(&pin, &s)
			}
			_, refusal := RetargetTo(pin, s, tt.revision)
			if refusal == nil || refusal.Code != tt.code || !strings.Contains(refusal.Reason, tt.reason) {
				t.Errorf("refused with %+v, want %s: %q", refusal, tt.code, tt.reason)
			}
		})
	}
}

func TestPinToWaitsForTheController(t *testing.T) {
	s := live(rs(3, "v3", 120), rs(2, "v2", 60))
	s.Live = nil
	if _, refusal := PinTo(s, "2"); refusal == nil || refusal.Code != RefuseUnsettled {
		t.Errorf("refused with %+v, want %s", refusal, RefuseUnsettled)
	}
}

func TestAPlanToANamedRevisionIsRefusedOnceSomethingElseIsLive(t *testing.T) {
	s := live(rs(3, "v3", 120), rs(2, "v2", 60), rs(1, "v1", 0))
	pin, refusal := PinTo(s, "1")
	if refusal != nil {
		t.Fatal(refusal)
	}
	later := live(append([]Revision{rs(4, "v4", 130)}, s.Revisions...)...)
	if _, refusal := MakePlan(pin, later, false); refusal == nil || refusal.Code != RefuseSuperseded {
		t.Errorf("refused with %+v, want %s", refusal, RefuseSuperseded)
	}
}
