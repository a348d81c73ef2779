package rollback

import (
	"testing"
	"time"
)

// The release came back if its containers run again, whoever restarted or relabelled them; behind a Service, if they are
// selected again too.
func TestCameBack(t *testing.T) {
	pin, s := pinned()
	back := live(rs(4, "v2", 130))
	another := s
	another.UID = "another"
	restart := s
	restart.Template = restarted("v3", "now")
	sw := Switch{Service: "checkout", SelectorKey: "colour", From: "blue", To: "green"}
	switched := pin
	switched.Switch = &PinnedSwitch{Switch: sw, ServiceUID: "svc"}
	selecting := func(colour string) Snapshot {
		out := s
		out.Switch = &SwitchState{Switch: sw, ServiceUID: "svc", Selector: map[string]string{"colour": colour}}
		return out
	}
	tests := []struct {
		name string
		pin  Pin
		s    Snapshot
		want bool
	}{
		{"the release runs", pin, s, true},
		{"the release runs, restarted", pin, restart, true},
		{"the target runs", pin, back, false},
		{"the workload was made again", pin, another, false},
		{"the Service selects it again", switched, selecting("green"), true},
		{"the Service selects the old colour", switched, selecting("blue"), false},
		{"the Service was not read", switched, s, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.pin.CameBack(tt.s); got != tt.want {
				t.Errorf("CameBack() = %t", got)
			}
		})
	}
}

// A pin knows when its containers were rolled back before.
func TestPinKnowsThatTheReleaseWasRolledBack(t *testing.T) {
	s := live(rs(3, "v3", 120), rs(2, "v2", 60))
	for _, tt := range []struct {
		name string
		past []PastWatch
		want time.Time
	}{
		{"never", []PastWatch{{Template: podSpec("v3"), T0: at(10)}}, time.Time{}},
		{"another release was", []PastWatch{{Template: podSpec("v1"), RolledBackAt: at(30)}}, time.Time{}},
		{"twice", []PastWatch{{Template: podSpec("v3"), RolledBackAt: at(30)}, {Template: restarted("v3", "x"), RolledBackAt: at(40)}}, at(40)},
	} {
		if got := NewPin(s, *s.Live, at(120), tt.past, 15*time.Minute).RolledBackAt; !got.Equal(tt.want) {
			t.Errorf("%s: RolledBackAt = %s, want %s", tt.name, got, tt.want)
		}
	}
}
