package rollback

import (
	"strings"
	"testing"
)

func TestRolloutStatusOfASwitch(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*Snapshot)
		message string
		done    bool
		// completed is in minutes; zero stands for not complete.
		completed int
	}{
		{"before a rollback it is the new colour's, complete with the switch", nil, "rolled out: 5 of 5 replicas are available", true, 120},
		{"or later, with the new colour's rollout", func(s *Snapshot) { s.Switch.SwitchedAt = minute(50) }, "rolled out: 5 of 5", true, 110},
		{"a new colour that is not rolled out is not complete", func(s *Snapshot) { s.Status.AvailableReplicas = 1 }, "1 of 5 new replicas are available", false, 0},
		{"once switched back it is done when the old colour serves", points("blue"),
			"switched back: Service shop/checkout has shop.example/color=blue, and 5 of its pods are ready", true, 120},
		{"whatever the new colour does", func(s *Snapshot) {
			points("blue")(s)
			ready(0, 1)(s)
			s.Status.Conditions = []Condition{{Type: progressing, Reason: reasonTimedOut}}
		}, "switched back", true, 120},
		{"but not while no pod of the old colour is ready", func(s *Snapshot) { points("blue")(s); ready(5, 0)(s) },
			"Service shop/checkout has shop.example/color=blue, but none of the pods that it selects is ready", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := blueGreen()
			if tt.change != nil {
				tt.change(&s)
			}
			message, done, err := RolloutStatus(s)
			if !strings.Contains(message, tt.message) || done != tt.done || err != nil {
				t.Errorf("RolloutStatus = %q, %v, %v; want %q, %v", message, done, err, tt.message, tt.done)
			}
			completed := CompletedAt(s)
			if tt.completed == 0 && !completed.IsZero() || tt.completed > 0 && !completed.Equal(minute(tt.completed)) {
				t.Errorf("CompletedAt = %v, want minute %d", completed, tt.completed)
			}
		})
	}
}
