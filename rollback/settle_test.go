package rollback

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestVersionMatchesExactly(t *testing.T) {
	tests := []struct {
		image, version string
		want           bool
	}{
		{"checkout:v1.2.3", "v1.2.3", true},
		{"checkout:v1.2.3", "1.2.3", false},
		{"checkout:v1.2.3", "v1.2", false},
		{"checkout:v1.2.3", "checkout:v1.2.3", true},
		{"checkout:v1.2.3", "other:v1.2.3", false},
		{"checkout:v1.2.3", "checkout", false},
		{"checkout:v1.2.3", "", false},
		{"checkout", "", false},
		{"checkout", "latest", false},
		{"registry:5000/shop/checkout", "5000/shop/checkout", false},
		{"registry:5000/shop/checkout", "registry:5000/shop/checkout", false},
		{"registry:5000/shop/checkout:v2", "v2", true},
		{"registry:5000/shop/checkout:v2", "registry:5000/shop/checkout:v2", true},
		{"registry:5000/shop/checkout:v2@" + digest, "v2", true},
		{"registry:5000/shop/checkout:v2@" + digest, digest, true},
		{"registry:5000/shop/checkout:v2@" + digest, "registry:5000/shop/checkout:v2", true},
		{"registry:5000/shop/checkout:v2@" + digest, "registry:5000/shop/checkout@" + digest, true},
		{"registry:5000/shop/checkout:v2@" + digest, "registry:5000/shop/checkout:v2@" + digest, true},
		{"registry:5000/shop/checkout:v2@" + digest, "registry:5000/shop/checkout:v3@" + digest, false},
		{"registry:5000/shop/checkout:v2", "registry:5000/shop/checkout:v2@" + digest, false},
		{"checkout@" + digest, digest, true},
		{"checkout@" + digest, strings.TrimPrefix(digest, "sha256:"), false},
	}
	for _, tt := range tests {
		t.Run(tt.image+" is "+tt.version, func(t *testing.T) {
			if got := parseImage(tt.image).is(tt.version); got != tt.want {
				t.Errorf("is = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSettle(t *testing.T) {
	tests := []struct {
		name, version string
		change        func(*Snapshot)
		// want is part of the reason; settled says which kind of reason it is.
		want    string
		settled bool
	}{
		{"settles when a live pod of the announced version exists", "v2", nil, "runs it as revision 2", true},
		{"settles by the recommended version label", "2.0", relabel(`"app.kubernetes.io/version":"2.0"`), "the event says 2.0", true},
		{"settles by the plain version label", "green", relabel(`"version":"green"`), "the event says green", true},
		{"waits while another version is live", "v3", nil,
			"the event says v3, but shop/checkout runs revision 2 with image registry:5000/shop/checkout:v2", false},
		{"names a label that says something else than the image", "v3", relabel(`"version":"green"`),
			"runs revision 2, labelled green, with image registry:5000/shop/checkout:v2", false},
		{"waits for the controller to observe the generation", "v2", func(s *Snapshot) { s.ObservedGeneration-- },
			"the Deployment controller has not acted on that change yet", false},
		{"waits for the ReplicaSet", "v2", func(s *Snapshot) { s.Live = nil }, "no ReplicaSet for it yet", false},
		{"waits for a live pod", "v2", func(s *Snapshot) { s.Live.FirstPodAt = time.Time{} }, "no live pod yet", false},
		{"does not settle on a workload that is being deleted", "v2", func(s *Snapshot) { s.Deleting = true }, "is being deleted", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := live(rs(2, "v2", 60), rs(1, "v1", 0))
			if tt.change != nil {
				tt.change(&s)
			}
			rev, t0, ok, why := Settle(s, tt.version)
			if ok != tt.settled || !strings.Contains(why, tt.want) {
				t.Fatalf("ok = %v, why = %q; want %v and %q", ok, why, tt.settled, tt.want)
			}
			if ok && (!t0.Equal(at(60)) || rev.Number != "2" || rev.Version != tt.version) {
				t.Errorf("settled on revision %s under the name %s from %v on", rev.Number, rev.Version, t0)
			}
		})
	}
}

// relabel adds a pod label to the live template and its ReplicaSet.
func relabel(label string) func(*Snapshot) {
	return func(s *Snapshot) {
		template := strings.Replace(string(s.Template), `"app":"checkout"`, `"app":"checkout",`+label, 1)
		s.Template, s.Live.Template = json.RawMessage(template), json.RawMessage(template)
	}
}

func TestRolloutStatus(t *testing.T) {
	timedOut := []Condition{{Type: progressing, Status: "False", Reason: reasonTimedOut, Message: "ReplicaSet has timed out progressing."}}
	tests := []struct {
		name    string
		change  func(*Snapshot)
		message string
		done    bool
		fails   bool
	}{
		{"is done when all replicas are updated and available", func(*Snapshot) {}, "rolled out: 2 of 2 replicas are available", true, false},
		{"is done with no replicas wanted", func(s *Snapshot) { s.Replicas, s.Status = 0, Status{} }, "rolled out: 0 of 0 replicas are available", true, false},
		{"knows nothing before the controller has observed the change", func(s *Snapshot) { s.ObservedGeneration = 6 }, "the Deployment controller has not acted on the newest change yet", false, false},
		{"says nothing of the deadline before either", func(s *Snapshot) { s.ObservedGeneration, s.Status.Conditions = 6, timedOut }, "the Deployment controller has not acted on the newest change yet", false, false},
		{"waits for replicas to be updated", func(s *Snapshot) { s.Status.UpdatedReplicas = 1 }, "1 of 2 replicas run the new template", false, false},
		{"waits for old replicas to go", func(s *Snapshot) { s.Status.Replicas = 3 }, "1 old replicas have yet to terminate", false, false},
		{"waits for new replicas to be available", func(s *Snapshot) { s.Status.AvailableReplicas = 1 }, "1 of 2 new replicas are available", false, false},
		{"fails when the progress deadline is exceeded", func(s *Snapshot) { s.Status.Conditions = timedOut }, "", false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := live(rs(2, "v2", 60))
			tt.change(&s)
			message, done, err := RolloutStatus(s)
			if message != tt.message || done != tt.done || (err != nil) != tt.fails {
				t.Errorf("RolloutStatus = %q, %v, %v; want %q, %v, an error: %v", message, done, err, tt.message, tt.done, tt.fails)
			}
			if tt.fails && !strings.Contains(fmt.Sprint(err), "timed out progressing") {
				t.Errorf("the error %v does not give the controller's message", err)
			}
		})
	}
}

func TestCompletedAt(t *testing.T) {
	completed := []Condition{{Type: progressing, Status: "True", Reason: reasonRolledOut, LastUpdateTime: at(62)}}
	tests := []struct {
		name   string
		change func(*Snapshot)
		want   time.Time
	}{
		{"is when the controller last updated the condition", func(s *Snapshot) {}, at(62)},
		{"is zero without a condition", func(s *Snapshot) { s.Status.Conditions = nil }, time.Time{}},
		{"is zero while the rollout progresses", func(s *Snapshot) { s.Status.Conditions[0].Reason = "ReplicaSetUpdated" }, time.Time{}},
		{"is zero while the condition is that of the rollout before", func(s *Snapshot) { s.ObservedGeneration-- }, time.Time{}},
		{"is zero while old replicas remain", func(s *Snapshot) { s.Status.Replicas = 3 }, time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := live(rs(2, "v2", 60))
			s.Status.Conditions = append([]Condition(nil), completed...)
			tt.change(&s)
			if got := CompletedAt(s); !got.Equal(tt.want) {
				t.Errorf("CompletedAt = %v, want %v", got, tt.want)
			}
		})
	}
}
