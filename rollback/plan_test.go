package rollback

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// pinned is a pin of v3 with v2 as its target, and the cluster as it was then.
func pinned() (Pin, Snapshot) {
	s := live(rs(3, "v3", 120), rs(2, "v2", 60))
	return NewPin(s, *s.Live, at(120), nil, 15*time.Minute), s
}

func TestMakePlan(t *testing.T) {
	pin, s := pinned()
	p, refusal := MakePlan(pin, s, false)
	if refusal != nil {
		t.Fatal(refusal)
	}
	want := "put shop/checkout back from v3 (revision 3) to v2 (revision 2) by giving it the pod template of ReplicaSet checkout-60v2"
	if p.Summary != want {
		t.Errorf("Summary = %q, want %q", p.Summary, want)
	}
	if p.WorkloadUID != "uid-checkout" || p.FromRevision != "3" || p.FromHash != "hash-checkout-120v3" || p.FromVersion != "v3" ||
		p.ToRevision != "2" || p.ToHash != "hash-checkout-60v2" || p.ToVersion != "v2" || !p.HasAnnotations {
		t.Errorf("the plan is not from v3 to v2: %+v", p)
	}
	if !TemplatesEqual(p.FromTemplate, podSpec("v3")) || !TemplatesEqual(p.ToTemplate, podSpec("v2")) {
		t.Error("the plan's templates are not those of v3 and v2")
	}
}

func TestMakePlanAfterARestartStartsFromTheLiveTemplate(t *testing.T) {
	pin, s := pinned()
	again := rsOf(4, "v3", 130, restarted("v3", "now"))
	s = live(append([]Revision{again}, s.Revisions...)...)
	p, refusal := MakePlan(pin, s, false)
	if refusal != nil {
		t.Fatal(refusal)
	}
	if p.FromRevision != "4" || p.FromHash != again.Hash || !TemplatesEqual(p.FromTemplate, again.Template) || p.ToVersion != "v2" {
		t.Errorf("the plan is not from the restarted template to v2: %+v", p)
	}
}

func TestMakePlanRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Pin, *Snapshot)
		code   RefusalCode
		reason string
	}{
		{"a workload that was made again", func(p *Pin, s *Snapshot) { s.UID = "another" }, RefuseWorkloadGone, "was deleted"},
		{"a workload that is being deleted", func(p *Pin, s *Snapshot) { s.Deleting = true }, RefuseWorkloadGone, "was deleted"},
		{"without a target, with the pin's reason", func(p *Pin, s *Snapshot) { p.Target, p.NoTarget = nil, "it is the first" }, RefuseNoTarget,
			"no version of shop/checkout is known to be good: it is the first"},
		{"when the target is live", func(p *Pin, s *Snapshot) { s.Template = podSpec("v2") }, RefuseTargetIsLive, "already runs v2 (revision 2)"},
		{"when the target is live and was restarted", func(p *Pin, s *Snapshot) { s.Template = restarted("v2", "now") }, RefuseTargetIsLive, "already runs the containers of v2"},
		{"when other containers are live", func(p *Pin, s *Snapshot) { s.Template, s.Revision = podSpec("v4"), "4" }, RefuseSuperseded,
			"shop/checkout now runs revision 4 with image registry:5000/shop/checkout:v4, whose containers are not those of v3 (revision 3), which was judged"},
		{"when the environment changed", func(p *Pin, s *Snapshot) { s.Template = podSpec("v3", `"value":"x"`, `"value":"y"`) }, RefuseSuperseded, "not those of v3"},
		{"a paused workload", func(p *Pin, s *Snapshot) { s.Paused = true }, RefusePaused, "is paused"},
		{"before the controller has observed the newest change", func(p *Pin, s *Snapshot) { s.Generation++ }, RefuseUnsettled, "has not acted on the newest change"},
		{"when the target's ReplicaSet is gone", func(p *Pin, s *Snapshot) { s.Revisions = s.Revisions[:1] }, RefuseTargetMissing, "ReplicaSet checkout-60v2 of v2 (revision 2) is gone"},
		{"when the target's ReplicaSet has another template", func(p *Pin, s *Snapshot) { s.Revisions[1].Template = podSpec("v9") }, RefuseTargetMissing, "is gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pin, s := pinned()
			tt.change(&pin, &s)
			_, refusal := MakePlan(pin, s, false)
			var asError error = refusal
			if refusal == nil || refusal.Code != tt.code || !strings.Contains(asError.Error(), tt.reason) {
				t.Errorf("MakePlan refuses with %+v, want %s: %q", refusal, tt.code, tt.reason)
			}
			if !errors.As(asError, &refusal) {
				t.Error("a refusal is not an error")
			}
		})
	}
}
