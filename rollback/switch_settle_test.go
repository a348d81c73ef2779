package rollback

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestCheckSwitch(t *testing.T) {
	named := func(change func(*Switch)) func(*Snapshot) {
		return func(s *Snapshot) { change(&s.Switch.Switch) }
	}
	tests := []struct {
		name    string
		change  func(*Snapshot)
		version string
		code    RefusalCode
		why     string
	}{
		{"what selects this workload and, before, another one may be named", nil, "v2", "", ""},
		{"also while the Service has not been switched", points("blue"), "v2", "", ""},
		{"also while it selects a third colour", points("red"), "v2", "", ""},
		{"also if the old colour has no pods", ready(5, 0), "v2", "", ""},
		{"an event without a switch names nothing", func(s *Snapshot) { s.Switch = nil }, "v2", "", ""},
		{"a Service that is not there may yet come", func(s *Snapshot) { *s.Switch = SwitchState{Switch: toGreen()} }, "v2",
			RefuseUnsettled, "there is no Service shop/checkout"},
		{"a selector without the key never switches by it", named(func(sw *Switch) { sw.SelectorKey = "tier" }), "v2",
			RefuseSwitchForbidden, "the selector of Service shop/checkout has no key tier; its keys are: app, shop.example/color"},
		{"nor does a Service without a selector", func(s *Snapshot) { s.Switch.Selector = nil }, "v2", RefuseSwitchForbidden, "has no key"},
		{"another team's Service may never be named", func(s *Snapshot) { s.Switch.Selector["app"] = "payments" }, "v2",
			RefuseSwitchForbidden, "Service shop/checkout does not select the pods of shop/checkout-green with shop.example/color=green"},
		{"nor a value that is not this workload's", named(func(sw *Switch) { sw.To = "red" }), "v2", RefuseSwitchForbidden, "shop.example/color=red"},
		{"but a version that is not live yet may still bring the label", named(func(sw *Switch) { sw.To = "red" }), "v3", RefuseUnsettled, "does not select"},
		{"an old colour that no other workload has may never be named", func(s *Snapshot) { s.Switch.Old = nil }, "v2",
			RefuseSwitchForbidden, "Service shop/checkout selects the pods of no other workload with shop.example/color=blue"},
		{"from and to must differ", named(func(sw *Switch) { sw.From = "green" }), "v2", RefuseSwitchForbidden, "which is no switch"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := blueGreen()
			if tt.change != nil {
				tt.change(&s)
			}
			wantRefusal(t, CheckSwitch(s, tt.version), tt.code, tt.why)
		})
	}
}

// wantRefusal checks a refusal; an empty code stands for none.
func wantRefusal(t *testing.T, r *Refusal, code RefusalCode, why string) {
	t.Helper()
	if r == nil {
		if code != "" {
			t.Errorf("not refused, want %s: %s", code, why)
		}
		return
	}
	if r.Code != code || !strings.Contains(r.Reason, why) {
		t.Errorf("refused as %s: %s; want %q: %s", r.Code, r.Reason, code, why)
	}
}

func TestSettleOfASwitch(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Snapshot)
		// t0 is in minutes; zero stands for not settled.
		t0  int
		why string
	}{
		{"settles from the change of the selector on", nil, 120,
			"Service shop/checkout has shop.example/color=green, since 2026-11-22 10:00:00 UTC"},
		{"counts from the first pod if the new version came into a live colour", func(s *Snapshot) { s.Switch.SwitchedAt = minute(30) }, 100, "since 2026-11-22 09:40:00 UTC"},
		{"and if nothing tells when the selector was changed", func(s *Snapshot) { s.Switch.SwitchedAt = time.Time{} }, 100, "since 2026-11-22 09:40:00 UTC"},
		{"waits until the Service is switched", points("blue"), 0,
			"the event says that Service shop/checkout was switched to shop.example/color=green, but Service shop/checkout has shop.example/color=blue"},
		{"names a third colour", points("red"), 0, "but Service shop/checkout has shop.example/color=red"},
		{"waits for the Service", func(s *Snapshot) { s.Switch.ServiceUID, s.Switch.Selector = "", nil }, 0, "there is no Service shop/checkout"},
		{"waits for the announced version first", func(s *Snapshot) { s.Template = colourSpec("green", "v0") }, 0, "the event says v2, but shop/checkout-green runs"},
		{"needs an old colour", func(s *Snapshot) { s.Switch.Old = nil }, 0, "no other workload"},
		{"does not need a ready pod", ready(0, 0), 120, "since"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := blueGreen()
			if tt.change != nil {
				tt.change(&s)
			}
			rev, t0, ok, why := Settle(s, "v2")
			if ok != (tt.t0 > 0) || !strings.Contains(why, tt.why) {
				t.Fatalf("ok = %v, why = %q; want %q", ok, why, tt.why)
			}
			if ok && (!t0.Equal(minute(tt.t0)) || rev.PodPrefix != "checkout-green-v2-") {
				t.Errorf("settled on %s from %v on, want minute %d", rev.PodPrefix, t0, tt.t0)
			}
		})
	}
}

func TestSwitchedAt(t *testing.T) {
	const whole = `{"f:spec":{"f:ports":{},"f:selector":{},"f:type":{}}}`
	tests := []struct {
		name string
		// entries are managedFields by the minute of their time; -1 stands for an entry without one.
		entries map[int]string
		want    int
	}{
		{"is the time of the entry that owns the selector", map[int]string{10: `{"f:spec":{"f:ports":{}}}`, 20: whole, 30: `{"f:status":{}}`}, 20},
		{"is the earliest of several owners", map[int]string{40: whole, 25: whole}, 25},
		{"is found where the keys are listed", map[int]string{20: `{"f:spec":{"f:selector":{"f:app":{}}}}`, 30: `{"f:spec":{"f:selector":{"f:` + colourKey + `":{}}}}`}, 30},
		{"is unknown if nobody owns the selector", map[int]string{10: `{"f:metadata":{"f:annotations":{}}}`}, 0},
		{"is unknown if nothing is managed", nil, 0},
		{"is unknown if the owner has no time", map[int]string{-1: whole}, 0},
		{"is unknown if the fields cannot be read", map[int]string{10: `[`}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var entries []metav1.ManagedFieldsEntry
			for at, fields := range tt.entries {
				e := metav1.ManagedFieldsEntry{Manager: "deployer", Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: metav1.NewFieldsV1(fields)}
				if at >= 0 {
					e.Time = &metav1.Time{Time: minute(at)}
				}
				entries = append(entries, e)
			}
			got := switchedAt(append(entries, metav1.ManagedFieldsEntry{Time: &metav1.Time{Time: minute(1)}}), colourKey)
			if want := minute(tt.want); tt.want == 0 && !got.IsZero() || tt.want > 0 && !got.Equal(want) {
				t.Errorf("switchedAt = %v, want minute %d", got, tt.want)
			}
		})
	}
}

func TestUnreadableTemplateIsSelectedByNothing(t *testing.T) {
	s := blueGreen()
	s.Template = json.RawMessage("{")
	wantRefusal(t, CheckSwitch(s, "v2"), RefuseUnsettled, "does not select")
}
