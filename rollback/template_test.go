package rollback

import (
	"encoding/json"
	"testing"
)

func TestTemplatesEqualComparesMeaning(t *testing.T) {
	v1 := podSpec("v1")
	tests := []struct {
		name string
		a, b json.RawMessage
		want bool
	}{
		{"a template equals itself", v1, v1, true},
		{"white space and escapes mean nothing", v1, podSpec("v1", `"a <b> & c"`, `  "a \u003cb\u003e \u0026 c"`), true},
		{"the order of keys means nothing", raw(`{"a":1,"b":2}`), raw(`{"b":2,"a":1}`), true},
		{"the controller's hash label is not part of the template", v1, podSpec("v1", `"app":"checkout"`, `"app":"checkout","pod-template-hash":"abc"`), true},
		{"a hash label alone equals no labels", raw(`{"metadata":{"labels":{"pod-template-hash":"a"}}}`), raw(`{"metadata":{}}`), true},
		{"null equals absent", v1, podSpec("v1", `{"metadata":{`, `{"metadata":{"creationTimestamp":null,`), true},
		{"an empty list equals absent", v1, podSpec("v1", `"volumes"`, `"tolerations":[],"volumes"`), true},
		{"an empty object does not equal absent", raw(`{"spec":{"labelSelector":{}}}`), raw(`{"spec":{}}`), false},
		{"numbers are compared by value", raw(`{"n":1.0}`), raw(`{"n":1}`), true},
		{"large integers are not rounded", raw(`{"n":9007199254740993}`), raw(`{"n":9007199254740992}`), false},
		{"a number is not its text", raw(`{"n":1}`), raw(`{"n":"1"}`), false},
		{"another image is another template", v1, podSpec("v2"), false},
		{"another label is another template", v1, podSpec("v1", `"app":"checkout"`, `"app":"checkout","x":"y"`), false},
		{"a restart is another template", v1, restarted("v1", "now"), false},
		{"the order of a list counts", raw(`{"l":[1,2]}`), raw(`{"l":[2,1]}`), false},
		{"a longer list is another", raw(`{"l":[1]}`), raw(`{"l":[1,1]}`), false},
		{"an object is not a list", raw(`{"l":[1]}`), raw(`{"l":{"0":1}}`), false},
		{"what is no JSON equals nothing", raw(`{`), raw(`{`), false},
		{"no template equals nothing", nil, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := TemplatesEqual(tt.a, tt.b); got != tt.want {
				t.Errorf("TemplatesEqual = %v, want %v", got, tt.want)
			}
			if got := TemplatesEqual(tt.b, tt.a); got != tt.want {
				t.Errorf("TemplatesEqual the other way round = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestContainersEqualSeesWhatRuns(t *testing.T) {
	tests := []struct {
		name  string
		other json.RawMessage
		want  bool
	}{
		{"a restart runs the same", restarted("v1", "now"), true},
		{"labels", podSpec("v1", `"app":"checkout"`, `"app":"checkout","team":"a"`), true},
		{"scheduling and grace periods", podSpec("v1", `Seconds":30`, `Seconds":60,"nodeSelector":{"a":"b"}`), true},
		{"resources that say nothing", podSpec("v1", `,"resources":{}`, ``), true},
		{"image", podSpec("v2"), false},
		{"command", podSpec("v1", `"env"`, `"command":["sh"],"env"`), false},
		{"args", podSpec("v1", `"env"`, `"args":["-v"],"env"`), false},
		{"env", podSpec("v1", `"value":"x"`, `"value":"y"`), false},
		{"envFrom", podSpec("v1", `"env"`, `"envFrom":[{"configMapRef":{"name":"c"}}],"env"`), false},
		{"resources", podSpec("v1", `"resources":{}`, `"resources":{"limits":{"cpu":"1"}}`), false},
		{"resources of the whole pod", podSpec("v1", `"volumes"`, `"resources":{"limits":{"cpu":"1"}},"volumes"`), false},
		{"another mounted ConfigMap is another configuration", podSpec("v1", `conf-1`, `conf-2`), false},
		{"an init container more", podSpec("v1", `"volumes"`, `"initContainers":[{"name":"i","image":"i:1"}],"volumes"`), false},
		{"a container more", podSpec("v1", `"containers":[`, `"containers":[{"name":"side","image":"s:1"},`), false},
		{"a container under another name", podSpec("v1", `"name":"app"`, `"name":"web"`), false},
		{"no template", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ContainersEqual(podSpec("v1"), tt.other); got != tt.want {
				t.Errorf("ContainersEqual = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestStripHashKeepsEverythingElse(t *testing.T) {
	in := raw(`{"metadata":{"labels":{"app":"a","pod-template-hash":"x"}},"spec":{"fieldOfTheFuture":{"n":12345678901234567890}}}`)
	want := `{"metadata":{"labels":{"app":"a"}},"spec":{"fieldOfTheFuture":{"n":12345678901234567890}}}`
	if got := string(stripHash(in)); got != want {
		t.Errorf("stripHash = %s, want %s", got, want)
	}
	if got := string(stripHash(raw("{"))); got != "{" {
		t.Errorf("stripHash of what is no JSON = %q", got)
	}
}

// FuzzTemplatesEqual checks what holds for every object: writing it anew, or as the controller labels it, changes
// nothing, and the comparison has no favourite side.
func FuzzTemplatesEqual(f *testing.F) {
	f.Add([]byte(podSpec("v1")), []byte(podSpec("v2")))
	f.Add([]byte(`{"a":1e3,"b":[null,{}]}`), []byte(`{"a":1000,"b":[null,{}],"c":[]}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if TemplatesEqual(a, b) != TemplatesEqual(b, a) {
			t.Fatal("not symmetric")
		}
		object, ok := decode(a)
		if !ok {
			return
		}
		again, err := canonical(a)
		if err != nil {
			t.Fatal(err)
		}
		if !TemplatesEqual(a, again) {
			t.Fatalf("%s is not equal to itself written anew: %s", a, again)
		}
		object["status"], object["metadata"] = nil, map[string]any{"labels": map[string]any{hashLabel: "x"}}
		delete(object, "status")
		labelled, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		if !TemplatesEqual(labelled, stripHash(labelled)) {
			t.Fatalf("%s is not equal to itself without the hash", labelled)
		}
	})
}

func raw(text string) json.RawMessage { return json.RawMessage(text) }
