package rollback

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rollbackd/rollbackd/internal/mask"
)

// The specifications of canaries all begin with the same scene: Deployment shop/checkout serves v1 with three pods since
// minute 0, and beside it shop/checkout-canary serves v2 with one since minute 100; before that it had v0.

func canarySpec(track, version string) json.RawMessage {
	return fmt.Appendf(nil, `{"metadata":{"labels":{"app":"checkout","track":"%s"}},"spec":{"containers":[`+
		`{"name":"app","image":"registry:5000/shop/checkout:%s","resources":{}}]}}`, track, version)
}

// trackOf is one of the two Deployments, with all the versions that it has run, the newest first.
func trackOf(name, track string, pods int, versions ...string) Snapshot {
	s := Snapshot{
		Workload: Workload{Namespace: "shop", Name: name}, UID: "uid-" + name, Generation: 3, ObservedGeneration: 3,
		Revision: fmt.Sprint(len(versions)), Annotations: map[string]string{revisionAnnotation: fmt.Sprint(len(versions))},
		Template: canarySpec(track, versions[0]), Replicas: int32(pods),
		Status: Status{ObservedGeneration: 3, Replicas: int32(pods), UpdatedReplicas: int32(pods), ReadyReplicas: int32(pods), AvailableReplicas: int32(pods)},
	}
	for i, version := range versions {
		rs := name + "-" + version
		s.Revisions = append(s.Revisions, Revision{
			ReplicaSet: rs, UID: "uid-" + rs, Hash: "hash-" + rs, Number: fmt.Sprint(len(versions) - i), Template: canarySpec(track, version),
			Version: version, CreatedAt: minute(100 * (1 - i)), FirstPodAt: minute(100 * (1 - i)), PodPrefix: rs + "-",
		})
	}
	s.Live = s.findLive()
	s.Pods = readyPodsOf(s, pods)
	return s
}

func readyPodsOf(s Snapshot, n int) []PodState {
	pods := make([]PodState, n)
	for i := range pods {
		pods[i] = PodState{Owner: s.Revisions[0].UID, Ready: true}
	}
	return pods
}

// canaryScene is the scene.
func canaryScene(edits ...func(*Snapshot)) Snapshot {
	s := trackOf("checkout-canary", "canary", 1, "v2", "v0")
	stable := trackOf("checkout", "stable", 3, "v1")
	stable.Revisions[0].CreatedAt, stable.Revisions[0].FirstPodAt = minute(0), minute(0)
	s.Canary = &CanaryState{Canary: Canary{Stable: "checkout"}, Stable: &stable, Services: []string{"checkout"}}
	for _, edit := range edits {
		edit(&s)
	}
	return s
}

func pinnedScene(edits ...func(*Snapshot)) Pin {
	s := canaryScene(edits...)
	return NewPin(s, *s.Live, minute(100), nil, 15*time.Minute)
}

func byUndo(s *Snapshot) { s.Canary.Canary.Undo = true }

func TestCheckCanary(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*Snapshot)
		want RefusalCode
	}{
		"shares a Service":                 {func(*Snapshot) {}, ""},
		"is allowed by its name":           {func(s *Snapshot) { s.Canary.Services, s.Canary.Canary.Named = nil, true }, ""},
		"shares nothing":                   {func(s *Snapshot) { s.Canary.Services = nil }, RefuseCanaryForbidden},
		"shares nothing yet":               {func(s *Snapshot) { s.Canary.Services, s.Template = nil, canarySpec("canary", "v0") }, RefuseUnsettled},
		"has no stable workload beside it": {func(s *Snapshot) { s.Canary.Stable, s.Canary.Canary.Named = nil, true }, RefuseUnsettled},
		"is none":                          {func(s *Snapshot) { s.Canary = nil }, ""},
	} {
		s := canaryScene(tc.edit)
		got := RefusalCode("")
		r := CheckCanary(s, "v2")
		if r != nil {
			got = r.Code
		}
		if got != tc.want {
			t.Errorf("%s: %v, want %q", name, r, tc.want)
		}
		_, _, settled, why := Settle(s, "v2")
		if settled != (tc.want == "") {
			t.Errorf("%s: settled is %v: %s", name, settled, why)
		}
	}
}

func TestServicesThatACanaryShares(t *testing.T) {
	s := canaryScene()
	var services []apiObject
	for name, selector := range map[string]map[string]any{
		"both": {"app": "checkout"}, "canary-only": {"app": "checkout", "track": "canary"}, "another": {"app": "cart"}, "nothing": nil,
	} {
		services = append(services, &unstructured.Unstructured{Object: map[string]any{
			"kind": "Service", "metadata": map[string]any{"name": name, "namespace": "shop"}, "spec": map[string]any{"selector": selector},
		}})
	}
	got, err := sharedServices(services, s, *s.Canary.Stable)
	if err != nil || len(got) != 1 || got[0] != "both" {
		t.Errorf("shared are %v, %v", got, err)
	}
}

func TestThePinOfACanary(t *testing.T) {
	pin := pinnedScene()
	if pin.Target == nil || pin.Target.PodPrefix != "checkout-v1-" || pin.Canary.StableUID != "uid-checkout" || pin.Release.Version != "v2" {
		t.Errorf("the pin does not have the stable version for a target: %+v", pin)
	}
	if pin.Canary.Earlier == nil || pin.Canary.Earlier.Version != "v0" {
		t.Errorf("the pin has no earlier version of the canary: %+v", pin.Canary)
	}
	promoted := pinnedScene(func(s *Snapshot) { *s.Canary.Stable = trackOf("checkout", "stable", 3, "v2", "v1") })
	if promoted.Target != nil || !strings.Contains(promoted.NoTarget, "runs v2 (revision 2) too") {
		t.Errorf("a canary of what is stable has a target: %+v, %s", promoted.Target, promoted.NoTarget)
	}
}

func TestPlanOfACanary(t *testing.T) {
	for name, tc := range map[string]struct {
		edit    func(*Snapshot)
		failing bool
		want    RefusalCode
		words   string
	}{
		"goes":                          {nil, false, "", "scale the canary shop/checkout-canary from 1 to 0, so that v2 (revision 2) goes and v1 (revision 1) of shop/checkout serves alone"},
		"goes while it is paused":       {func(s *Snapshot) { s.Paused = true }, false, "", "scale"},
		"runs something else":           {func(s *Snapshot) { s.Template = canarySpec("canary", "v3") }, false, RefuseSuperseded, "v3"},
		"was made again":                {func(s *Snapshot) { s.UID = "another" }, false, RefuseWorkloadGone, "deleted"},
		"has no stable workload":        {func(s *Snapshot) { s.Canary.Stable = nil }, false, RefuseTargetMissing, "shop/checkout,"},
		"has another stable workload":   {func(s *Snapshot) { s.Canary.Stable.UID = "another" }, false, RefuseTargetMissing, "made again"},
		"was promoted":                  {func(s *Snapshot) { s.Canary.Stable.Template = canarySpec("stable", "v2") }, false, RefuseSuperseded, "runs v2 too"},
		"is gone already":               {func(s *Snapshot) { s.Replicas = 0 }, false, RefuseTargetIsLive, "already"},
		"has nobody to take over":       {func(s *Snapshot) { s.Canary.Stable.Pods = nil }, true, RefuseTargetNotReady, "0 pods of shop/checkout are ready"},
		"has few to take over":          {func(s *Snapshot) { s.Pods = readyPodsOf(*s, 9) }, false, RefuseTargetNotReady, "8 must be, 80 % of the 9"},
		"is worse than few":             {func(s *Snapshot) { s.Pods = readyPodsOf(*s, 9) }, true, "", "scale"},
		"is scaled by something else":   {func(s *Snapshot) { s.Canary.Scalers = []string{"HorizontalPodAutoscaler shop/x"} }, true, RefuseScaled, "HorizontalPodAutoscaler shop/x"},
		"is scaled by who knows":        {func(s *Snapshot) { s.Canary.ScalersUnknown = "forbidden" }, true, RefuseScaled, "let rollbackd list horizontalpodautoscalers"},
		"undone whoever scales it":      {func(s *Snapshot) { byUndo(s); s.Canary.Scalers = []string{"x"} }, false, "", "from v2 (revision 2) to v0 (revision 1)"},
		"undone with nothing earlier":   {func(s *Snapshot) { byUndo(s); s.Revisions = s.Revisions[:1] }, false, RefuseTargetMissing, "v0 (revision 1) is gone"},
		"undone though it is paused":    {func(s *Snapshot) { byUndo(s); s.Paused = true }, false, RefusePaused, "paused"},
		"undone, and nobody else there": {func(s *Snapshot) { byUndo(s); s.Canary.Stable.Pods = nil }, false, "", "v0"},
	} {
		pin, s := pinnedScene(), canaryScene()
		if tc.edit != nil {
			tc.edit(&s)
			pin.Canary.Undo = s.Canary != nil && s.Canary.Canary.Undo
		}
		p, r := MakePlan(pin, s, tc.failing)
		words := p.Summary
		if r != nil {
			words = r.Reason
		}
		if (r == nil) != (tc.want == "") || r != nil && r.Code != tc.want || !strings.Contains(words, tc.words) {
			t.Errorf("%s: %v %q, want %q with %q", name, r, words, tc.want, tc.words)
		}
		if r == nil && (p.Canary.StablePodPrefix != "checkout-v1-" || p.scales() == pin.Canary.Undo) {
			t.Errorf("%s: the plan is %+v", name, p.Canary)
		}
	}
}

func TestAPersonNamesARevisionOfACanary(t *testing.T) {
	pin, refusal := RetargetTo(pinnedScene(), canaryScene(), "1")
	if refusal != nil || pin.Target.Version != "v1" {
		t.Fatalf("%v, %+v", refusal, pin.Target)
	}
	p, refusal := MakePlan(pin, canaryScene(), false)
	if refusal != nil || p.ToVersion != "v0" || p.scales() {
		t.Errorf("%v: the plan is %s", refusal, p.Summary)
	}
}

func TestPatchThatScalesACanaryToZero(t *testing.T) {
	for name, tc := range map[string]struct {
		since func(*Snapshot)
		lands bool
	}{
		"lands on what the plan was made for": {func(*Snapshot) {}, true},
		"fails on one that was made again":    {func(s *Snapshot) { s.UID = "another" }, false},
		"fails on another version":            {func(s *Snapshot) { s.Template = canarySpec("canary", "v3") }, false},
		"fails on another number of pods":     {func(s *Snapshot) { s.Replicas = 2 }, false},
		"fails rather than wipe annotations":  {func(s *Snapshot) { s.Annotations = nil }, false},
	} {
		p, refusal := MakePlan(pinnedScene(), canaryScene(), false)
		if refusal != nil {
			t.Fatal(refusal)
		}
		body, err := p.Patch("intent-1")
		if err != nil {
			t.Fatal(err)
		}
		patch, err := jsonpatch.DecodePatch(body)
		if err != nil {
			t.Fatal(err)
		}
		s := canaryScene(tc.since)
		changed, err := patch.Apply(object(s))
		if (err == nil) != tc.lands {
			t.Errorf("%s: applying gives %v\n%s", name, err, body)
		}
		var d deployment
		if err == nil && (json.Unmarshal(changed, &d) != nil || *d.Spec.Replicas != 0 || d.Metadata.Annotations[IntentAnnotation] != "intent-1" ||
			!TemplatesEqual(d.Spec.Template, s.Template)) {
			t.Errorf("%s: the patched Deployment is %s", name, changed)
		}
	}
}

func TestApplyScalesACanaryToZero(t *testing.T) {
	for name, tc := range map[string]struct {
		live func(*Snapshot)
		want Result
		says string
	}{
		"as planned":                {func(*Snapshot) {}, Landed, "accepted 0 replicas"},
		"after another step":        {func(s *Snapshot) { s.Replicas = 4 }, Landed, "accepted 0 replicas"},
		"when another version came": {func(s *Snapshot) { s.Template = canarySpec("canary", "v3") }, Superseded, "now runs"},
		"when somebody else did":    {func(s *Snapshot) { s.Replicas = 0 }, Superseded, "somebody else"},
		"when it had landed": {func(s *Snapshot) {
			s.Replicas, s.Annotations = 0, map[string]string{IntentAnnotation: "intent-1"}
		}, Landed, "by this intent"},
		"when it was scaled up again": {func(s *Snapshot) {
			s.Annotations = map[string]string{IntentAnnotation: "intent-1"}
		}, Landed, "since"},
		"when it was made again": {func(s *Snapshot) { s.UID = "another" }, Failed, "gone"},
	} {
		p, refusal := MakePlan(pinnedScene(), canaryScene(), false)
		if refusal != nil {
			t.Fatal(refusal)
		}
		s := canaryScene(tc.live)
		_, cluster := newServer(t, &s)
		result, detail, err := cluster.Apply(t.Context(), p, "intent-1")
		if err != nil || result != tc.want || !strings.Contains(detail, tc.says) {
			t.Errorf("%s: %s, %q, %v", name, result, detail, err)
		}
		landed, err := cluster.Landed(t.Context(), p, "intent-1")
		if err != nil || landed != (tc.want == Landed) {
			t.Errorf("%s: landed is %v, %v", name, landed, err)
		}
	}
}

func TestRolloutOfACanaryThatIsScaledToZero(t *testing.T) {
	s := canaryScene(func(s *Snapshot) { s.Replicas, s.Status = 0, Status{ObservedGeneration: 3} })
	if message, done, err := RolloutStatus(s); done || err != nil || !strings.Contains(message, "1 pods") {
		t.Errorf("done is %v while a pod is there: %s, %v", done, message, err)
	}
	s.Pods = nil
	if message, done, err := RolloutStatus(s); !done || err != nil {
		t.Errorf("done is %v when all have gone: %s, %v", done, message, err)
	}
}

func TestHealthOfACanaryHasTheStablePodsBesideIt(t *testing.T) {
	h := HealthOf(pinnedScene(), canaryScene(), minute(110))
	if h.Release.Ready != 1 || h.Old.Ready != 3 {
		t.Errorf("health is %+v", h)
	}
}

func TestDiffOfAScaleDown(t *testing.T) {
	p, _ := MakePlan(pinnedScene(), canaryScene(), false)
	diff, err := p.Diff(mask.Masker{})
	if err != nil || !strings.Contains(diff, "-  replicas: 1\n+  replicas: 0\n") {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestScalersOfACanary(t *testing.T) {
	scaling := func(name, kind, target string) *unstructured.Unstructured {
		ref := map[string]any{"name": target}
		if kind != "" {
			ref["kind"] = kind
		}
		return &unstructured.Unstructured{Object: map[string]any{"kind": "X", "metadata": map[string]any{"name": name, "namespace": "shop"},
			"spec": map[string]any{"scaleTargetRef": ref}}}
	}
	got := scalersOf("HorizontalPodAutoscaler", []apiObject{
		scaling("a", "Deployment", "checkout-canary"), scaling("b", "", "checkout-canary"), scaling("c", "StatefulSet", "checkout-canary"),
		scaling("d", "Deployment", "checkout"),
	}, Workload{Namespace: "shop", Name: "checkout-canary"})
	if fmt.Sprint(got) != "[HorizontalPodAutoscaler shop/a HorizontalPodAutoscaler shop/b]" {
		t.Errorf("scalers are %v", got)
	}
}

func TestACanaryThatIsScaledUpAgainIsBack(t *testing.T) {
	pin := pinnedScene()
	if pin.CameBack(canaryScene(func(s *Snapshot) { s.Replicas = 0 })) {
		t.Error("it is back although it has no replicas")
	}
	if !pin.CameBack(canaryScene()) {
		t.Error("it is not back although it has replicas")
	}
}
