package rollback

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestNeedsOfATemplate(t *testing.T) {
	app, tls := "ConfigMap app", "Secret tls"
	for _, tt := range []struct {
		name, spec string
		want       []string
	}{
		{"nothing", `{"containers":[{"env":[{"name":"A","value":"b"}]}],"volumes":[{"name":"v","emptyDir":{}}]}`, nil},
		{"environment from a whole map", `{"containers":[{"envFrom":[{"configMapRef":{"name":"app"}},{"secretRef":{"name":"tls"}}]}]}`, []string{app, tls}},
		{"one variable", `{"containers":[{"env":[{"valueFrom":{"configMapKeyRef":{"name":"app","key":"mode"}}}]}]}`, []string{app + " mode"}},
		{"an init container", `{"initContainers":[{"env":[{"valueFrom":{"secretKeyRef":{"name":"tls","key":"k"}}}]}]}`, []string{tls + " k"}},
		{"a volume", `{"volumes":[{"configMap":{"name":"app","items":[{"key":"b","path":"b"},{"key":"a","path":"a"}]}},{"secret":{"secretName":"tls"}}]}`,
			[]string{app + " a b", tls}},
		{"a projected volume", `{"volumes":[{"projected":{"sources":[{"configMap":{"name":"app"}},{"secret":{"name":"tls"}},{"downwardAPI":{}}]}}]}`,
			[]string{app, tls}},
		{"what is optional is not needed", `{"containers":[{"envFrom":[{"configMapRef":{"name":"app","optional":true}}],
			"env":[{"valueFrom":{"secretKeyRef":{"name":"tls","key":"k","optional":true}}}]}],
			"volumes":[{"configMap":{"name":"app","optional":true}},{"projected":{"sources":[{"secret":{"name":"tls","optional":true}}]}}]}`, nil},
		{"unless it is needed elsewhere", `{"containers":[{"envFrom":[{"configMapRef":{"name":"app","optional":true}}]}],
			"volumes":[{"configMap":{"name":"app","optional":false}}]}`, []string{app}},
		{"a field reference is neither", `{"containers":[{"env":[{"valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]}]}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, n := range needs(json.RawMessage(`{"spec":` + tt.spec + `}`)) {
				words := n.kind + " " + n.name
				for _, key := range n.keys {
					words += " " + key
				}
				got = append(got, words)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("it needs %q, want %q", got, tt.want)
			}
		})
	}
}

func TestUnpullableImages(t *testing.T) {
	target := rs(2, "v2", 60)
	pod := target.PodPrefix + "x7k2p"
	event := func(reason, message, pod string, minute int) podEvent {
		e := podEvent{Reason: reason, Message: message, LastTimestamp: at(minute)}
		e.InvolvedObject.Name = pod
		return e
	}
	failed := func(image string, minute int) podEvent {
		return event("Failed", `Failed to pull image "`+image+`": not found`, pod, minute)
	}
	pulled := func(image string, minute int) podEvent {
		return event("Pulled", `Successfully pulled image "`+image+`" in 1s`, pod, minute)
	}
	waiting := PodState{Name: pod, Owner: target.UID, Unpullable: true, UnpullableImage: "shop:v2\x1b[2J"}
	other := PodState{Name: "other", Owner: "another", Unpullable: true, UnpullableImage: "shop:v2"}
	for _, tt := range []struct {
		name   string
		pods   []PodState
		events []podEvent
		want   string
	}{
		{"nothing is known", nil, nil, ""},
		{"a pod waits for its image", []PodState{waiting}, nil, "pod " + pod + ` cannot pull shop:v2\x1b[2J`},
		{"a pod of another version does", []PodState{other}, nil, ""},
		{"an event tells of a pod that is gone", nil, []podEvent{failed("shop:v2", 70)}, "pod " + pod + " could not pull shop:v2 at 2026-11-22 09:10:00 UTC"},
		{"it was pulled later", nil, []podEvent{failed("shop:v2", 70), pulled("shop:v2", 71)}, ""},
		{"it was pulled before", nil, []podEvent{failed("shop:v2", 70), pulled("shop:v2", 61)}, "could not pull shop:v2"},
		{"another image was pulled later", nil, []podEvent{failed("shop:v2", 70), pulled("sidecar:1", 71)}, "could not pull shop:v2"},
		{"it was there later, but could not be pulled anywhere", nil,
			[]podEvent{failed("shop:v2", 70), event("Pulled", `Container image "shop:v2" already present on machine`, pod, 71)}, "could not pull shop:v2"},
		{"something else failed", nil, []podEvent{event("Failed", "Error: CrashLoopBackOff", pod, 70)}, ""},
		{"a pod of another workload whose name begins alike", nil,
			[]podEvent{event("Failed", `Failed to pull image "x": no`, target.PodPrefix+"x-7k2p", 70)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := unpullableBy(target, tt.pods, tt.events)
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
