package rollback

import (
	"encoding/json"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

func suspicion() PauseMark { return PauseMark{Watch: "production.shop.k", ID: "p1", Until: at(125)} }

// deploymentWith is a Deployment as the API server holds it: paused or not, with an annotation, and with the managers that own
// the field.
func deploymentWith(t *testing.T, s Snapshot, annotation string, managers ...string) []byte {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal(object(s), &whole); err != nil {
		t.Fatal(err)
	}
	metadata, _ := whole["metadata"].(map[string]any)
	metadata["resourceVersion"] = "41"
	annotations, _ := metadata["annotations"].(map[string]any)
	if annotation != "" {
		annotations[PauseAnnotation] = annotation
	}
	var entries []any
	for _, manager := range managers {
		entries = append(entries, map[string]any{"manager": manager, "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
			"fieldsV1": map[string]any{"f:spec": map[string]any{"f:paused": map[string]any{}}}})
	}
	metadata["managedFields"] = entries
	out, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func decodeDeployment(t *testing.T, raw []byte) deployment {
	t.Helper()
	var d deployment
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOnlyAPauseOfOnesOwnIsOnesOwn(t *testing.T) {
	mark := suspicion().Annotation()
	for name, tc := range map[string]struct {
		paused     bool
		annotation string
		managers   []string
		want       bool
	}{
		"made by rollbackd":                     {true, mark, []string{FieldManager}, true},
		"resumed":                               {false, mark, []string{FieldManager}, false},
		"resumed, and paused again by a person": {true, mark, []string{"kubectl-rollout"}, false},
		"paused by two":                         {true, mark, []string{FieldManager, "argocd-controller"}, false},
		"of a person":                           {true, "", []string{"kubectl-rollout"}, false},
		"of nobody who says so":                 {true, mark, nil, false},
		"with an annotation that is no mark":    {true, `{"watch":"x"}`, []string{FieldManager}, false},
		"with an annotation that holds more":    {true, mark[:len(mark)-1] + `,"x":1}`, []string{FieldManager}, false},
	} {
		s := live(rs(3, "v3", 120), rs(2, "v2", 60))
		s.Paused = tc.paused
		got := ownPause(decodeDeployment(t, deploymentWith(t, s, tc.annotation, tc.managers...)))
		if (got != nil) != tc.want || got != nil && *got != suspicion() {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestPauseAndResume(t *testing.T) {
	rolling := func(s *Snapshot) { s.Status.UpdatedReplicas = 1 }
	for name, tc := range map[string]struct {
		edit func(*Snapshot)
		want RefusalCode
	}{
		"a rollout that goes on": {rolling, ""},
		"one that is over":       {func(*Snapshot) {}, RefusePaused},
		"one that is paused":     {func(s *Snapshot) { rolling(s); s.Paused = true }, RefusePaused},
		"of something else":      {func(s *Snapshot) { rolling(s); s.Template = podSpec("v4") }, RefuseSuperseded},
		"made again":             {func(s *Snapshot) { rolling(s); s.UID = "another" }, RefuseWorkloadGone},
	} {
		s := live(rs(3, "v3", 120), rs(2, "v2", 60))
		pin := NewPin(s, *s.Live, at(120), nil, 0)
		tc.edit(&s)
		p, r := MakePause(pin, s, suspicion())
		if (r == nil) != (tc.want == "") || r != nil && r.Code != tc.want {
			t.Errorf("%s: %v", name, r)
		}
		if r != nil {
			continue
		}
		srv, cluster := newServer(t, &s)
		srv.object = deploymentWith(t, s, "")
		if result, detail, err := cluster.Pause(t.Context(), p); result != Landed || err != nil {
			t.Fatalf("%s: %s %s %v", name, result, detail, err)
		}
		paused := decodeDeployment(t, srv.object)
		if !paused.Spec.Paused || paused.Metadata.Annotations[PauseAnnotation] != suspicion().Annotation() {
			t.Fatalf("%s: paused is %s", name, srv.object)
		}
		s.Paused = true
		srv.object = deploymentWith(t, s, suspicion().Annotation(), FieldManager)
		if result, _, err := cluster.Pause(t.Context(), p); result != Landed || err != nil {
			t.Errorf("%s: the same again is %s, %v", name, result, err)
		}
		if result, _, err := cluster.Resume(t.Context(), s.Workload, PauseMark{ID: "another"}); result != Superseded || err != nil {
			t.Errorf("%s: another's pause was ended: %s, %v", name, result, err)
		}
		if result, _, err := cluster.Resume(t.Context(), s.Workload, suspicion()); result != Landed || err != nil {
			t.Errorf("%s: resuming is %s, %v", name, result, err)
		}
		if d := decodeDeployment(t, srv.object); d.Spec.Paused || d.Metadata.Annotations[PauseAnnotation] != "" {
			t.Errorf("%s: resumed is %s", name, srv.object)
		}
		srv.object = deploymentWith(t, s, suspicion().Annotation(), "kubectl-rollout")
		if result, _, err := cluster.Resume(t.Context(), s.Workload, suspicion()); result != Superseded || err != nil {
			t.Errorf("%s: a pause that somebody made again was ended: %s, %v", name, result, err)
		}
	}
}

// A rollback of a rollout that rollbackd has paused takes the template back and lets it go on, in one patch.
func TestRollbackOfAnOwnPause(t *testing.T) {
	s := live(rs(3, "v3", 120), rs(2, "v2", 60))
	pin := NewPin(s, *s.Live, at(120), nil, 0)
	s.Paused = true
	if _, r := MakePlan(pin, s, false); r == nil || r.Code != RefusePaused {
		t.Fatalf("a pause of somebody else is rolled back: %v", r)
	}
	raw := deploymentWith(t, s, suspicion().Annotation(), FieldManager)
	d := decodeDeployment(t, raw)
	s.OwnPause, s.Annotations = ownPause(d), d.Metadata.Annotations
	p, r := MakePlan(pin, s, false)
	if r != nil || p.Resumes == nil {
		t.Fatalf("%v: %+v", r, p)
	}
	body, err := p.Patch("intent-1")
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(body)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := patch.Apply(raw)
	if err != nil {
		t.Fatal(err)
	}
	after := decodeDeployment(t, changed)
	if after.Spec.Paused || after.Metadata.Annotations[PauseAnnotation] != "" || after.Metadata.Annotations[IntentAnnotation] != "intent-1" ||
		!TemplatesEqual(after.Spec.Template, podSpec("v2")) {
		t.Errorf("after the rollback: %s", changed)
	}
	if _, err := patch.Apply([]byte(strings.Replace(string(raw), `"paused":true,`, "", 1))); err == nil {
		t.Error("it lands on a rollout that has gone on")
	}
	srv, cluster := newServer(t, &s)
	srv.object = deploymentWith(t, s, "") // paused by somebody else by now
	if result, _, err := cluster.Apply(t.Context(), p, "intent-1"); result != Superseded || err != nil {
		t.Errorf("it lands on somebody else's pause: %s, %v", result, err)
	}
}
