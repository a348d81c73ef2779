package rollback

import (
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// scaledTo is the scene with the old colour scaled to so many replicas, all of them ready; green has five.
func scaledTo(replicas int32) Snapshot {
	s := blueGreen()
	s.Switch.Old[0].Replicas, s.Switch.OldReady = replicas, replicas
	return s
}

func TestPlanScaleUp(t *testing.T) {
	with := func(found Inspection) func(*Pin, *Snapshot) {
		return func(_ *Pin, s *Snapshot) { s.Inspected = &found }
	}
	for _, tt := range []struct {
		name     string
		replicas int32
		change   func(*Pin, *Snapshot)
		failing  bool
		to       int32
		code     RefusalCode
		reason   string
	}{
		{"from nothing to what it had when it was pinned", 0, nil, false, 5, "", ""},
		{"from too few", 3, nil, false, 5, "", ""},
		{"also for a version that fails most of what it is asked", 0, nil, true, 5, "", ""},
		{"at least to what must be ready", 1, func(p *Pin, _ *Snapshot) { p.Target.Replicas = 0 }, false, 4, "", ""},
		{"never below what an autoscaler wants", 0, with(Inspection{Autoscaler: &Autoscaler{Name: "hpa", Min: 8, Max: 10}}), false, 8, "", ""},
		{"never above what it allows", 0, with(Inspection{Autoscaler: &Autoscaler{Name: "hpa", Min: 1, Max: 4}}), false, 4, "", ""},
		{"not if that is too few", 0, with(Inspection{Autoscaler: &Autoscaler{Name: "hpa", Max: 3}}), false, 0,
			RefuseAutoscaler, "HorizontalPodAutoscaler hpa keeps shop/checkout-blue at 3 replicas at most"},
		{"not if it would not start", 0, with(Inspection{Missing: []string{"ConfigMap conf"}}), false, 0, RefuseConfigMissing, "ConfigMap conf"},
		{"not if it was not scaled down, but is not well", 5, func(_ *Pin, s *Snapshot) { s.Switch.OldReady = 0 }, false, 0,
			RefuseTargetNotReady, "0 pods of blue"},
		{"not if it runs something else by now", 0, func(_ *Pin, s *Snapshot) { blueRuns(colourSpec("blue", "v9"))(s) }, false, 0,
			RefuseTargetMissing, "which was pinned"},
		{"not if somebody switched back", 0, func(_ *Pin, s *Snapshot) { points("blue")(s) }, false, 0, RefuseTargetIsLive, "already has"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pin, s := pinBlueGreen(), scaledTo(tt.replicas)
			if tt.change != nil {
				tt.change(&pin, &s)
			}
			plan, refusal := PlanScaleUp(pin, s, tt.failing)
			if tt.code != "" {
				if refusal == nil || refusal.Code != tt.code || !strings.Contains(refusal.Reason, tt.reason) {
					t.Fatalf("refused with %+v, want %s: %q", refusal, tt.code, tt.reason)
				}
				return
			}
			if refusal != nil || plan.From != tt.replicas || plan.To != tt.to || plan.Workload.Name != "checkout-blue" || plan.WorkloadUID != "uid-checkout-blue" {
				t.Errorf("the plan is %+v, %v; want from %d to %d", plan, refusal, tt.replicas, tt.to)
			}
		})
	}
	if plan, refusal := PlanScaleUp(pinBlueGreen(), blueGreen(), false); refusal != nil || plan.To != 0 {
		t.Errorf("an old colour that is ready needs no scaling: %+v, %v", plan, refusal)
	}
}

func TestScaleUp(t *testing.T) {
	scene := func(replicas int32) *Snapshot {
		_, s := pinned()
		s.Replicas = replicas
		return &s
	}
	plan := ScalePlan{Workload: checkout(), WorkloadUID: "uid-checkout", From: 0, To: 5}
	for _, tt := range []struct {
		name   string
		live   *Snapshot
		serve  func(*server)
		result Result
		detail string
		err    string
	}{
		{"lands", scene(0), nil, Landed, "accepted 5 replicas", ""},
		{"has landed before a restart", scene(5), nil, Landed, "is to have 5 replicas", ""},
		{"somebody scaled it higher", scene(9), nil, Landed, "is to have 9 replicas", ""},
		{"somebody scaled it otherwise", scene(2), nil, Superseded, "somebody else scaled shop/checkout to 2 replicas", ""},
		{"is gone", nil, nil, Failed, "is gone", ""},
		{"was made again", func() *Snapshot { s := scene(0); s.UID = "another"; return s }(), nil, Failed, "made again", ""},
		{"may not be patched", scene(0), onPatch(forbidden("patch")), Failed, `cannot patch resource "deployments"`, ""},
		{"may not be read", scene(0), func(s *server) { s.onGet = func(int) *apierrors.StatusError { return forbidden("get") } }, Failed,
			`cannot get resource "deployments"`, ""},
		{"somebody was first", scene(0), func(s *server) {
			s.onPatch = func([]byte) *apierrors.StatusError {
				s.set(*scene(2))
				return nil
			}
		}, Superseded, "to 2 replicas", ""},
		{"the server is overloaded", scene(0), onPatch(answer(http.StatusTooManyRequests, "slow down")), "", "", "slow down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, cluster := newServer(t, tt.live)
			if tt.serve != nil {
				tt.serve(srv)
			}
			result, detail, err := cluster.ScaleUp(t.Context(), plan)
			if result != tt.result || !strings.Contains(detail, tt.detail) || (err != nil) != (tt.err != "") {
				t.Fatalf("ScaleUp = %q, %q, %v; want %q, %q, %q", result, detail, err, tt.result, tt.detail, tt.err)
			}
		})
	}
}

// Scaling twice is scaling once: the second finds what the first did.
func TestScaleUpTwicePatchesOnce(t *testing.T) {
	_, s := pinned()
	s.Replicas = 0
	srv, cluster := newServer(t, &s)
	for range 2 {
		if result, detail, err := cluster.ScaleUp(t.Context(), ScalePlan{Workload: checkout(), WorkloadUID: s.UID, To: 5}); result != Landed || err != nil {
			t.Fatalf("ScaleUp = %q, %q, %v", result, detail, err)
		}
	}
	if len(srv.queries) != 1 || srv.queries[0] != "fieldManager="+FieldManager {
		t.Errorf("patched with %q", srv.queries)
	}
}
