package rollback

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// shelf answers as an API server does that holds objects of several kinds, by "resource/name", or by the resource alone
// for a list. What it does not hold it does not find; a status is answered as it is.
type shelf map[string]any

func (s shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/shop/"), "/")
	key := path.Join(parts...)
	if selector := r.URL.Query().Get("fieldSelector"); selector != "" {
		key += "?" + selector[strings.LastIndex(selector, "=")+1:]
	}
	switch found := s[key].(type) {
	case *apierrors.StatusError:
		writeJSON(w, int(found.ErrStatus.Code), found.ErrStatus)
	case nil:
		if len(parts) == 1 {
			writeJSON(w, http.StatusOK, map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}, "items": []any{}})
			return
		}
		status := apierrors.NewNotFound(schema.GroupResource{Resource: parts[0]}, parts[1]).ErrStatus
		status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
		writeJSON(w, http.StatusNotFound, status)
	default:
		writeJSON(w, http.StatusOK, found)
	}
}

// configMap is one with these keys.
func configMap(name string, keys ...string) any {
	data := map[string]string{}
	for _, key := range keys {
		data[key] = "x"
	}
	return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "shop"}, "data": data}
}

func failedPull(pod string) any {
	return map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}, "items": []any{map[string]any{
		"apiVersion": "v1", "kind": "Event", "metadata": map[string]any{"name": "e", "namespace": "shop"}, "reason": "Failed",
		"message": `Failed to pull image "shop/checkout:v2": manifest unknown`, "lastTimestamp": "2026-11-22T10:00:00Z", "eventTime": nil,
		"involvedObject": map[string]any{"kind": "Pod", "name": pod},
	}}}
}

// The target's template mounts ConfigMap conf-1; one of these adds keys and a Secret.
func TestInspectLooksAtWhatTheTargetNeeds(t *testing.T) {
	env := `"env":[{"name":"A","valueFrom":{"configMapKeyRef":{"name":"conf-1","key":"mode"}}},{"name":"B","valueFrom":{"secretKeyRef":{"name":"db","key":"password"}}}]`
	noKey := answer(http.StatusForbidden, "no")
	pod := rs(2, "v2", 60).PodPrefix + "x7k2p"
	for _, tt := range []struct {
		name    string
		shelf   shelf
		secrets bool
		code    RefusalCode
		reason  string
		note    string
		err     string
	}{
		{name: "all is there", shelf: shelf{"configmaps/conf-1": configMap("conf-1", "mode")}},
		{name: "the ConfigMap is gone", shelf: shelf{}, code: RefuseConfigMissing,
			reason: "v2 (revision 2) would not start, because what it needs is gone: ConfigMap conf-1"},
		{name: "a key of it is gone", shelf: shelf{"configmaps/conf-1": configMap("conf-1", "other")}, code: RefuseConfigMissing,
			reason: "key mode of ConfigMap conf-1"},
		{name: "it may not be read", shelf: shelf{"configmaps/conf-1": noKey}, note: "ConfigMap conf-1 could not be checked: rollbackd may not read it"},
		{name: "it cannot be read now", shelf: shelf{"configmaps/conf-1": answer(http.StatusServiceUnavailable, "starting")}, err: "starting"},
		{name: "Secrets are looked at if that is wanted", shelf: shelf{"configmaps/conf-1": configMap("conf-1", "mode")}, secrets: true,
			code: RefuseConfigMissing, reason: "gone: Secret db"},
		{name: "of both all that is missing is named", shelf: shelf{}, secrets: true, code: RefuseConfigMissing, reason: "ConfigMap conf-1; Secret db"},
		{name: "a Secret may not be read", shelf: shelf{"configmaps/conf-1": configMap("conf-1", "mode"), "secrets/db": noKey}, secrets: true,
			note: "Secret db could not be checked"},
		{name: "the image could not be pulled of late", shelf: shelf{"configmaps/conf-1": configMap("conf-1", "mode"), "events?Failed": failedPull(pod)},
			code: RefuseImageUnpullable, reason: "pod " + pod + " could not pull shop/checkout:v2 at 2026-11-22 10:00:00 UTC"},
		{name: "another's could not be", shelf: shelf{"configmaps/conf-1": configMap("conf-1", "mode"), "events?Failed": failedPull("another")}},
		{name: "events may not be read", shelf: shelf{"configmaps/conf-1": configMap("conf-1", "mode"), "events?Failed": noKey},
			note: "rollbackd may not read events"},
		{name: "events cannot be read now", shelf: shelf{"configmaps/conf-1": configMap("conf-1", "mode"), "events?Failed": answer(http.StatusTooManyRequests, "slow down")},
			err: "slow down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pin, s := pinned()
			for _, template := range []*Revision{pin.Target, &s.Revisions[1]} {
				template.Template = podSpec("v2", `"env":[{"name":"MODE","value":"x"}]`, env)
			}
			cluster := clusterOf(t, tt.shelf)
			cluster.options.CheckSecrets = tt.secrets
			s, err := cluster.Inspect(t.Context(), pin, s)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("Inspect: %v, want %q", err, tt.err)
			}
			if err != nil {
				return
			}
			plan, refused := MakePlan(pin, s, false)
			if refused == nil {
				refused = &Refusal{}
			}
			if refused.Code != tt.code || !strings.Contains(refused.Reason, tt.reason) {
				t.Errorf("refused with %+v, want %s: %q", refused, tt.code, tt.reason)
			}
			if notes := fmt.Sprint(plan.Notes); !strings.Contains(notes, tt.note) || (tt.note == "") != (len(plan.Notes) == 0) {
				t.Errorf("the plan notes %s, want %q", notes, tt.note)
			}
		})
	}
}

// A switch back starts no pods: those of the old colour run already.
func TestInspectHasNothingToLookAtForASwitch(t *testing.T) {
	s, err := clusterOf(t, shelf{}).Inspect(t.Context(), pinBlueGreen(), blueGreen())
	if err != nil || s.Inspected != nil {
		t.Errorf("Inspect = %+v, %v", s.Inspected, err)
	}
}

func TestStuckNamesWhatTheKubeletMisses(t *testing.T) {
	s := live(rs(2, "v2", 60), rs(3, "v3", 120))
	mine, others := s.Revisions[0].UID, s.Revisions[1].UID
	back := blueGreen()
	back.Switch.Selector[colourKey] = "blue"
	back.Switch.Old[0].Pods = []PodState{{Name: "b", Owner: back.Switch.Old[0].Live.UID, Unstartable: `secret "db" not found`}}
	for _, tt := range []struct {
		name string
		s    Snapshot
		pods []PodState
		want string
	}{
		{"nothing", s, []PodState{{Name: "a", Owner: mine, Ready: true}}, ""},
		{"a missing ConfigMap", s, []PodState{{Name: "a", Owner: mine, Unstartable: "configmap \"app\" not found\x1b[2J"}},
			`pod a cannot start: configmap "app" not found\x1b[2J`},
		{"a missing image", s, []PodState{{Name: "a", Owner: mine, Unpullable: true, UnpullableImage: "shop:v2"}}, "pod a cannot pull shop:v2"},
		{"pods of the other version are not meant", s, []PodState{{Name: "a", Owner: others, Unstartable: "x"}}, ""},
		{"of a switch back, those of the old colour", back, nil, `pod b cannot start: secret "db" not found`},
		{"without end", s, []PodState{{Name: "a", Owner: mine, Unstartable: strings.Repeat("x", 999)}},
			"pod a cannot start: " + strings.Repeat("x", mostWords) + "…"},
	} {
		tt.s.Pods = tt.pods
		if got := Stuck(tt.s); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
