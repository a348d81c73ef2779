package rollback

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

// object writes the Deployment of a snapshot as the API server holds it.
func object(s Snapshot) []byte {
	metadata := map[string]any{"name": s.Workload.Name, "namespace": s.Workload.Namespace, "uid": s.UID, "generation": s.Generation}
	if len(s.Annotations) > 0 {
		metadata["annotations"] = s.Annotations
	}
	spec := map[string]any{"replicas": s.Replicas, "template": s.Template, "selector": map[string]any{"matchLabels": map[string]string{"app": "checkout"}}}
	if s.Paused { // the API server leaves it out otherwise
		spec["paused"] = true
	}
	out, err := json.Marshal(map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec,
		"status": map[string]any{"observedGeneration": s.ObservedGeneration},
	})
	if err != nil {
		panic(err)
	}
	return out
}

// apply does what the API server does with a JSON patch, with the library that it uses.
func apply(t *testing.T, patch, object []byte) (deployment, error) {
	t.Helper()
	p, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		t.Fatalf("the patch does not decode: %v\n%s", err, patch)
	}
	changed, err := p.Apply(object)
	if err != nil {
		return deployment{}, err
	}
	var d deployment
	if err := json.Unmarshal(changed, &d); err != nil {
		t.Fatal(err)
	}
	return d, nil
}

func TestPatchSwapsOnlyWhatWasPlanned(t *testing.T) {
	tests := []struct {
		name string
		// before is the workload that the plan is made for; since is what happened to it before the patch arrived.
		before, since func(*Snapshot)
		lands         bool
	}{
		{"lands on what the plan was made for", nil, nil, true},
		{"lands when only an annotation was added", nil, func(s *Snapshot) { s.Annotations["x"] = "y" }, true},
		{"lands when it was scaled", nil, func(s *Snapshot) { s.Replicas = 9 }, true},
		{"fails on an object that was made again", nil, func(s *Snapshot) { s.UID = "another" }, false},
		{"fails on another revision", nil, func(s *Snapshot) { s.Annotations[revisionAnnotation] = "4" }, false},
		{"fails on another image", nil, func(s *Snapshot) { s.Template = podSpec("v4") }, false},
		{"fails on a restarted template", nil, func(s *Snapshot) { s.Template = restarted("v3", "now") }, false},
		{"lands on an object without annotations", noAnnotations, nil, true},
		{"fails rather than wipe annotations that were added since", noAnnotations, func(s *Snapshot) { s.Annotations = map[string]string{"x": "y"} }, false},
		{"needs no revision annotation among others", func(s *Snapshot) { s.Annotations, s.Revision = map[string]string{"x": "y"}, "" }, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pin, s := pinned()
			if tt.before != nil {
				tt.before(&s)
			}
			p, refusal := MakePlan(pin, s, false)
			if refusal != nil {
				t.Fatal(refusal)
			}
			patch, err := p.Patch("intent-1")
			if err != nil {
				t.Fatal(err)
			}
			if tt.since != nil {
				tt.since(&s)
			}
			d, err := apply(t, patch, object(s))
			if (err == nil) != tt.lands {
				t.Fatalf("applying the patch gives %v, want it to land: %v", err, tt.lands)
			}
			if tt.lands && (!TemplatesEqual(d.Spec.Template, podSpec("v2")) || d.Metadata.Annotations[IntentAnnotation] != "intent-1") {
				t.Errorf("the patched object is not the target with our annotation: %+v", d)
			}
			if tt.lands && len(d.Metadata.Annotations) != len(s.Annotations)+1 {
				t.Errorf("annotations were lost: %v", d.Metadata.Annotations)
			}
		})
	}
}

func noAnnotations(s *Snapshot) { s.Annotations, s.Revision = nil, "" }

func TestPatchComparesEscapedTextAsTheServerWritesIt(t *testing.T) {
	pin, s := pinned()
	if !strings.Contains(string(s.Template), "<b>") || strings.Contains(string(object(s)), "<b>") {
		t.Fatal("the plan's template should have < as it is, the server's object escaped")
	}
	p, _ := MakePlan(pin, s, false)
	patch, err := p.Patch("intent-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := apply(t, patch, object(s)); err != nil {
		t.Errorf("a template with < in it cannot be swapped: %v", err)
	}
}

func TestPatchOfAnUnreadablePlanFails(t *testing.T) {
	for _, p := range []Plan{{FromTemplate: raw("{"), ToTemplate: raw("{}")}, {FromTemplate: raw("{}"), ToTemplate: raw("{")}} {
		if _, err := p.Patch("x"); err == nil {
			t.Error("a patch was made of what is no JSON")
		}
	}
}

func TestPointerEscapes(t *testing.T) {
	if got := pointer("metadata", "annotations", "a/b~c~1"); got != "/metadata/annotations/a~1b~0c~01" {
		t.Errorf("pointer = %s", got)
	}
}

// FuzzPatch puts any text everywhere that text can be: the patch must decode, protect, and bring exactly the target.
func FuzzPatch(f *testing.F) {
	f.Add("intent", "7", `a"b\c<d>&`+"\u2028")
	f.Add("~1/", "", "")
	f.Fuzz(func(t *testing.T, intent, revision, text string) {
		if !utf8.ValidString(intent) || !utf8.ValidString(revision) || !utf8.ValidString(text) {
			t.Skip("Kubernetes' strings are UTF-8")
		}
		s := live(rs(3, "v3", 120))
		s.Revision, s.Annotations = revision, map[string]string{revisionAnnotation: revision, "x" + text: text}
		s.Template = quoted(`{"metadata":{"annotations":{"k":%s}}}`, text)
		p := Plan{Workload: s.Workload, WorkloadUID: s.UID, FromRevision: revision, FromTemplate: s.Template, HasAnnotations: true,
			ToTemplate: quoted(`{"metadata":{"annotations":{"good":%s}}}`, text)}
		patch, err := p.Patch(intent)
		if err != nil {
			t.Fatal(err)
		}
		d, err := apply(t, patch, object(s))
		if err != nil {
			t.Fatalf("the patch does not land: %v\n%s", err, patch)
		}
		if !TemplatesEqual(d.Spec.Template, p.ToTemplate) || d.Metadata.Annotations[IntentAnnotation] != intent {
			t.Fatalf("the patched object is not the target: %+v", d)
		}
		s.Template = quoted(`{"metadata":{"annotations":{"k":%s}}}`, text+"x")
		if _, err := apply(t, patch, object(s)); err == nil {
			t.Fatal("the patch lands on another template")
		}
	})
}

func quoted(format, text string) json.RawMessage {
	q, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return json.RawMessage(fmt.Sprintf(format, q))
}
