package rollback

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// pastOf is a past watch of a colour's version that began at the minute and ended twenty later.
func pastOf(colour, version string, began int, change func(*PastWatch)) PastWatch {
	w := PastWatch{Hash: "hash-checkout-" + colour + "-" + version, Template: colourSpec(colour, version), T0: minute(began), Ended: minute(began + 20)}
	if change != nil {
		change(&w)
	}
	return w
}

func TestPinOfASwitch(t *testing.T) {
	proved := func(w *PastWatch) { w.Bad = true }
	tests := []struct {
		name   string
		change func(*Snapshot)
		past   []PastWatch
		// why is part of the grounds, none of the reason not to have a target.
		why, none string
	}{
		{"the target is what the old colour runs", nil, nil,
			"v1 (revision 1) of shop/checkout-blue was live before the switch, and had been there since 2026-11-22 08:00:00 UTC, for 2h0m0s; no watch of it ended badly", ""},
		{"also when it is scaled down", ready(5, 0), nil, "was live before the switch", ""},
		{"never a version that was proven bad", nil, []PastWatch{pastOf("blue", "v1", 10, proved)},
			"", "v1 (revision 1) of shop/checkout-blue was proven bad"},
		{"also when it was proven bad under the other colour", nil, []PastWatch{pastOf("green", "v1", 10, proved)}, "", "was proven bad"},
		{"nor if another watch of it had passed", nil, []PastWatch{pastOf("blue", "v1", 10, proved), pastOf("blue", "v1", 5, func(w *PastWatch) { w.Passed = true })},
			"", "was proven bad"},
		{"nor one that has not been there for long enough", bluePlaced(110), nil,
			"", "v1 (revision 1) of shop/checkout-blue had been there for only 10m0s before the switch (15m0s are asked for)"},
		{"nor one that was put back nobody knows when", func(s *Snapshot) {
			s.Switch.Old[0].Live.Revived, s.Switch.Old[0].Live.FirstPodAt = true, time.Time{}
		}, nil, "", "was put back before the switch, and it is not known when"},
		{"unless it passed a watch", bluePlaced(110), []PastWatch{pastOf("blue", "v1", 110, func(w *PastWatch) { w.Passed = true })},
			"passed the active stage of its watch, which began at 2026-11-22 09:50:00 UTC", ""},
		{"or was itself rolled back to just before", nil, []PastWatch{pastOf("green", "v2-bad", 110, func(w *PastWatch) {
			w.Bad, w.RolledBackAt, w.Target = true, minute(115), colourOf("blue", "v1", 0).Live
		})}, "was the known-good target of the watch that began at 2026-11-22 09:50:00 UTC", ""},
		{"no target if the old colour is gone", func(s *Snapshot) { s.Switch.Old = nil }, nil,
			"", "no other workload is selected by Service shop/checkout with shop.example/color=blue"},
		{"nor if more than one workload has its labels", func(s *Snapshot) {
			worker := colourOf("blue", "v1", 0)
			worker.Workload.Name, worker.UID = "checkout-worker", "uid-worker"
			s.Switch.Old = append(s.Switch.Old, worker)
		}, nil, "", "more than one workload is selected by Service shop/checkout with shop.example/color=blue: shop/checkout-blue, shop/checkout-worker"},
		{"nor while its controller is behind", func(s *Snapshot) { s.Switch.Old[0].Live = nil }, nil, "", "shop/checkout-blue has no ReplicaSet for its template"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := blueGreen()
			if tt.change != nil {
				tt.change(&s)
			}
			p := pinOf(s, tt.past...)
			if p.Why != "" && tt.none != "" || !strings.Contains(p.Why, tt.why) || !strings.Contains(p.NoTarget, tt.none) {
				t.Fatalf("why = %q, noTarget = %q; want %q, %q", p.Why, p.NoTarget, tt.why, tt.none)
			}
			if tt.why != "" && (p.Target == nil || p.Target.PodPrefix != "checkout-blue-v1-") {
				t.Errorf("the target is %+v, want what blue runs", p.Target)
			}
			if p.Switch == nil || p.Switch.Switch != toGreen() || p.Switch.ServiceUID != "uid-service" || p.WorkloadUID != "uid-checkout-green" {
				t.Errorf("the pin is not of this switch: %+v", p)
			}
		})
	}
}

// bluePlaced moves the creation of the old colour's version to the minute.
func bluePlaced(at int) func(*Snapshot) {
	return func(s *Snapshot) { s.Switch.Old[0].Live.CreatedAt = minute(at) }
}

func TestPinKeepsTheOldColourForThePlan(t *testing.T) {
	p := pinBlueGreen()
	if p.Switch.OldWorkload.Name != "checkout-blue" || p.Switch.OldWorkloadUID != "uid-checkout-blue" {
		t.Fatalf("the old colour is %+v", p.Switch)
	}
	written, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var read Pin
	if err := json.Unmarshal(written, &read); err != nil {
		t.Fatal(err)
	}
	if read.Switch == nil || *read.Switch != *p.Switch {
		t.Errorf("a pin read back from a journal has %+v", read.Switch)
	}
}

func TestMakePlanOfASwitch(t *testing.T) {
	s := blueGreen()
	s.Switch.Annotations = map[string]string{"x": "y"}
	p, refusal := MakePlan(pinBlueGreen(), s, false)
	if refusal != nil {
		t.Fatal(refusal)
	}
	if p.Workload.Name != "checkout-green" || p.FromVersion != "v2" || p.ToVersion != "v1" || p.ToReplicaSet != "checkout-blue-v1" || !p.HasAnnotations {
		t.Errorf("the plan is %+v", p)
	}
	if p.Switch == nil || p.Switch.Switch != toGreen() || p.Switch.ServiceUID != "uid-service" || p.Switch.ResourceVersion != "41" ||
		p.Switch.OldWorkload.Name != "checkout-blue" || p.Switch.ToPodPrefix != "checkout-blue-v1-" || len(p.Switch.Selector) != 2 {
		t.Errorf("the plan's switch is %+v", p.Switch)
	}
	const want = "switch Service shop/checkout back from v2 (revision 1) of shop/checkout-green to v1 (revision 1) of shop/checkout-blue " +
		"by setting shop.example/color=blue in its selector"
	if p.Summary != want {
		t.Errorf("the summary is %q, want %q", p.Summary, want)
	}
}

func TestPlanOfASwitchRefuses(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*Snapshot)
		failing bool
		code    RefusalCode
		why     string
	}{
		{"not on the scene as it was pinned", nil, false, "", ""},
		{"when the new colour's workload was made again", func(s *Snapshot) { s.UID = "another" }, false, RefuseWorkloadGone, "shop/checkout-green"},
		{"when the Service is gone", func(s *Snapshot) { *s.Switch = SwitchState{Switch: toGreen()} }, false, RefuseServiceGone, "Service shop/checkout was deleted"},
		{"when the Service was made again", func(s *Snapshot) { s.Switch.ServiceUID = "another" }, false, RefuseServiceGone, "deleted and made again"},
		{"when the Service was not read", func(s *Snapshot) { s.Switch = nil }, false, RefuseServiceGone, "Service shop/checkout was not read"},
		{"when another switch was read", func(s *Snapshot) { s.Switch.Switch.Service = "other" }, false, RefuseServiceGone, "Service shop/checkout was not read"},
		{"when it has been switched back", points("blue"), false, RefuseTargetIsLive, "Service shop/checkout already has shop.example/color=blue"},
		{"when it has been switched to a third colour", points("red"), false, RefuseSuperseded,
			"Service shop/checkout has shop.example/color=red; shop.example/color=green was judged"},
		{"when the key has gone from its selector", func(s *Snapshot) { delete(s.Switch.Selector, colourKey) }, false, RefuseSuperseded, "has no shop.example/color in its selector"},
		{"when the rest of its selector now names something else", func(s *Snapshot) { s.Switch.Selector["app"] = "payments" }, false, RefuseSuperseded, "no longer selects the pods of shop/checkout-green"},
		{"when the new colour runs something else", func(s *Snapshot) { s.Template = colourSpec("green", "v3") }, false, RefuseSuperseded, "whose containers are not those of v2"},
		{"when the old colour is gone", func(s *Snapshot) { s.Switch.Old = nil }, false, RefuseTargetMissing, "shop/checkout-blue is gone"},
		{"when the old colour was made again", func(s *Snapshot) { s.Switch.Old[0].UID = "another" }, false, RefuseTargetMissing, "shop/checkout-blue is gone"},
		{"when the old colour runs something else", blueRuns(colourSpec("blue", "v3")), false, RefuseTargetMissing,
			"shop/checkout-blue now runs revision 1 with image registry:5000/shop/checkout:v3, whose containers are not those of v1"},
		{"not when another workload has taken on its labels", func(s *Snapshot) {
			s.Switch.Old = append([]Snapshot{colourOf("another", "v7", 0)}, s.Switch.Old...)
		}, false, "", ""},
		{"not when the old colour was only restarted", blueRuns(json.RawMessage(strings.Replace(string(colourSpec("blue", "v1")),
			`{"labels"`, `{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"},"labels"`, 1))), false, "", ""},
		{"not while the old colour's controller is behind", func(s *Snapshot) { s.Switch.Old[0].Live = nil }, false, "", ""},
		{"not when the new colour is paused, behind or being scaled: the switch is of the Service", func(s *Snapshot) {
			s.Paused, s.ObservedGeneration, s.Replicas = true, 1, 99
		}, false, "", ""},

		{"not with 80 % of the new colour's ready pods", ready(5, 4), false, "", ""},
		{"with less", ready(5, 3), false, RefuseTargetNotReady,
			"3 pods of blue (shop/checkout-blue) are ready to take the traffic of Service shop/checkout back; 4 must be, 80 % of the 5 of green"},
		{"with 80 % rounded down", ready(3, 2), false, RefuseTargetNotReady, "3 must be"},
		{"with none for one", ready(1, 0), false, RefuseTargetNotReady, "1 must be"},
		{"not with one when the new colour has none ready: leaving a dead version must not depend on its health", ready(0, 1), false, "", ""},
		{"with none, even then", ready(0, 0), false, RefuseTargetNotReady, "at least one must be"},
		{"not with one when the new version fails more than half", ready(50, 1), true, "", ""},
		{"with none, even then", ready(50, 0), true, RefuseTargetNotReady, "at least one must be"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := blueGreen()
			if tt.change != nil {
				tt.change(&s)
			}
			p, r := MakePlan(pinBlueGreen(), s, tt.failing)
			wantRefusal(t, r, tt.code, tt.why)
			if r == nil && p.Switch == nil {
				t.Error("the plan switches nothing")
			}
		})
	}
}

func TestPlanOfASwitchNeedsATarget(t *testing.T) {
	pin := pinBlueGreen()
	pin.Target, pin.NoTarget = nil, "blue was proven bad"
	_, r := MakePlan(pin, blueGreen(), false)
	wantRefusal(t, r, RefuseNoTarget, "blue was proven bad")
}
