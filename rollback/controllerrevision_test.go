package rollback

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
)

// workloadOf is a StatefulSet or DaemonSet web that is to run the template.
func workloadOf(t *testing.T, kind Kind, template json.RawMessage) *unstructured.Unstructured {
	return unstruct(t, fmt.Appendf(nil, `{"apiVersion":"apps/v1","kind":%q,"metadata":{"name":"web","namespace":"shop","uid":"uid-web","generation":7},
		"spec":{"replicas":2,"podManagementPolicy":"OrderedReady","selector":{"matchLabels":{"app":"checkout"}},"template":%s,
		"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":0}}},"status":{"observedGeneration":7,"desiredNumberScheduled":2}}`,
		kind.String(), template))
}

// revisionOf is a ControllerRevision as the controllers write it (getPatch), made at a minute and given its number at another.
func revisionOf(t *testing.T, kind Kind, name string, number int, version string, made, numbered int) *unstructured.Unstructured {
	metadata := ownedMeta(name, "uid-"+name, kind.String(), "web", "uid-web")
	metadata["creationTimestamp"] = at(made).Format(time.RFC3339)
	metadata["labels"] = map[string]any{"app": "checkout", revisionLabel: "hash-" + name}
	metadata["managedFields"] = []any{map[string]any{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "apps/v1",
		"time": at(numbered).Format(time.RFC3339), "fieldsType": "FieldsV1", "fieldsV1": map[string]any{"f:data": map[string]any{}, "f:revision": map[string]any{}}}}
	template := strings.Replace(string(podSpec(version)), `{"metadata":{`, `{"$patch":"replace","metadata":{"creationTimestamp":null,`, 1)
	out, err := json.Marshal(map[string]any{"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "revision": number,
		"data": map[string]any{"spec": map[string]any{"template": json.RawMessage(template)}}})
	if err != nil {
		t.Fatal(err)
	}
	return unstruct(t, out)
}

// podIn is a live pod of the workload with that hash.
func podIn(kind Kind, name, hash string, minute int) *unstructured.Unstructured {
	metadata := ownedMeta(name, "uid-"+name, kind.String(), "web", "uid-web")
	metadata["creationTimestamp"] = at(minute).Format(time.RFC3339)
	metadata["labels"] = map[string]any{"app": "checkout", revisionLabel: hash}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
		"status": map[string]any{"phase": "Running", "conditions": []any{map[string]any{"type": "Ready", "status": "True"}}}}}
}

// webs is a cluster in which web v3 is replacing v2, pod by pod; there was a v1 too, and another's revision.
func webs(t *testing.T, kind Kind) *fake.FakeDynamicClient {
	hash := func(name string) string {
		if kind == KindDaemonSet {
			return "hash-" + name
		}
		return name
	}
	stray := revisionOf(t, kind, "stray", 9, "v3", 1, 1)
	stray.SetOwnerReferences(nil)
	return fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		kind.resource(): "WorkloadList", kind.revisionResource(): "ControllerRevisionList", podsResource(): "PodList",
	}, workloadOf(t, kind, podSpec("v3")), revisionOf(t, kind, "web-a", 1, "v1", 0, 0), revisionOf(t, kind, "web-b", 3, "v2", 30, 90),
		revisionOf(t, kind, "web-c", 4, "v3", 120, 120), stray,
		podIn(kind, "web-0", hash("web-b"), 91), podIn(kind, "web-1", hash("web-c"), 121), podIn(kind, "web-9", "gone", 5))
}

func eachKind(t *testing.T, test func(t *testing.T, kind Kind)) {
	for _, kind := range []Kind{KindStatefulSet, KindDaemonSet} {
		t.Run(kind.String(), func(t *testing.T) { test(t, kind) })
	}
}

func TestRevisionsOfOtherKinds(t *testing.T) {
	eachKind(t, func(t *testing.T, kind Kind) { synctest.Test(t, func(t *testing.T) { revisionsOf(t, kind) }) })
}

func revisionsOf(t *testing.T, kind Kind) {
	t.Helper()
	w := Workload{Kind: kind, Namespace: "shop", Name: "web"}
	watcher, _ := runWatcher(t, webs(t, kind), WatcherOptions{})
	if err := watcher.Watch(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	cached, ok := watcher.Cached(w, nil)
	if !ok {
		t.Fatal("the cache does not have it")
	}
	live, err := NewCluster(webs(t, kind), Options{}).Read(t.Context(), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	for from, s := range map[string]Snapshot{"the cache": cached, "the API server": live} {
		checkWebs(t, from, w, s)
	}
}

func checkWebs(t *testing.T, from string, w Workload, s Snapshot) {
	t.Helper()
	var names []string
	for _, r := range s.Revisions {
		names = append(names, r.name())
	}
	if got := strings.Join(names, ", "); got != "v3 (revision 4), v2 (revision 3), v1 (revision 1)" {
		t.Fatalf("%s has %s", from, got)
	}
	if s.Workload != w || s.Revision != "4" || s.Replicas != 2 || s.Live == nil || s.Live.Number != "4" || !s.Live.FirstPodAt.Equal(at(121)) ||
		s.Live.Ready != 1 || s.Live.Replicas != 1 || !s.Live.PodsNamed() || s.Live.PodPrefix != "" {
		t.Errorf("%s: live is %+v of %+v", from, s.Live, s)
	}
	if v2 := s.Revisions[1]; !TemplatesEqual(v2.Template, podSpec("v2")) || strings.Contains(string(v2.Template), "$patch") ||
		strings.Contains(string(v2.Template), "creationTimestamp") || !v2.LiveSince.Equal(at(90)) || !v2.CreatedAt.Equal(at(30)) {
		t.Errorf("%s: v2 is %+v with %s", from, v2, v2.Template)
	}
	owners := map[string]string{}
	for _, p := range s.Pods {
		owners[p.Name] = p.Owner
	}
	if len(owners) != 3 || owners["web-0"] != "uid-web-b" || owners["web-1"] != "uid-web-c" || owners["web-9"] != "uid-web" {
		t.Errorf("%s: the pods are of %v", from, owners)
	}
}

func TestPlanOfOtherKinds(t *testing.T) {
	eachKind(t, func(t *testing.T, kind Kind) {
		w := Workload{Kind: kind, Namespace: "shop", Name: "web"}
		client := webs(t, kind)
		s, err := NewCluster(client, Options{}).Read(t.Context(), w, nil)
		if err != nil {
			t.Fatal(err)
		}
		release, t0, ok, why := Settle(s, "v3")
		if !ok || !t0.Equal(at(121)) || !strings.Contains(why, "revision 4 (ControllerRevision web-c)") {
			t.Fatalf("Settle: %v, %s", t0, why)
		}
		// v2 was put back at minute 90, so that it had served for 31 minutes.
		if pin := NewPin(s, release, t0, nil, 32*time.Minute); pin.Target != nil || !strings.Contains(pin.NoTarget, "had served for only 31m0s") {
			t.Errorf("the target is %+v: %s", pin.Target, pin.NoTarget)
		}
		pin := NewPin(s, release, t0, nil, 15*time.Minute)
		plan, refusal := MakePlan(pin, s, false)
		if refusal != nil {
			t.Fatal(refusal)
		}
		want := "put shop/web back from v3 (revision 4) to v2 (revision 3) by giving it the pod template of ControllerRevision web-b"
		if plan.Summary != want {
			t.Errorf("Summary = %q, want %q", plan.Summary, want)
		}
		patch, err := plan.Patch("intent-1")
		if err != nil || strings.Contains(string(patch), "kubernetes.io/revision") {
			t.Errorf("the patch is %s, %v", patch, err)
		}
		changed, err := apply(t, patch, mustJSON(t, workloadOf(t, kind, podSpec("v3"))))
		if err != nil || !TemplatesEqual(changed.Spec.Template, podSpec("v2")) {
			t.Errorf("the patch makes %s, %v", changed.Spec.Template, err)
		}
		if _, err := apply(t, patch, mustJSON(t, workloadOf(t, kind, podSpec("v4")))); err == nil {
			t.Error("the patch applies to another template")
		}
		s.Update.Type = "OnDelete"
		if _, r := MakePlan(pin, s, false); r == nil || r.Code != RefuseUpdateStrategy || !strings.Contains(r.Reason, kind.String()+" shop/web has the update strategy OnDelete") {
			t.Errorf("refused with %+v", r)
		}
		s.Update = UpdateStrategy{Type: "RollingUpdate", Partition: 2}
		if _, r := MakePlan(pin, s, false); r == nil || r.Code != RefuseUpdateStrategy || !strings.Contains(r.Reason, "below ordinal 2") {
			t.Errorf("refused with %+v", r)
		}
		s.Update.Partition, s.Revisions = 0, s.Revisions[:1]
		if _, r := MakePlan(pin, s, false); r == nil || r.Code != RefuseTargetMissing || !strings.Contains(r.Reason, "ControllerRevision web-b of v2 (revision 3) is gone") {
			t.Errorf("refused with %+v", r)
		}
	})
}

func mustJSON(t *testing.T, u *unstructured.Unstructured) []byte {
	t.Helper()
	raw, err := u.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestARevisionThatIsNoWholeTemplateIsAnError(t *testing.T) {
	for _, patch := range []string{`{"metadata":{}}`, `{"$patch":"merge","metadata":{}}`, `"text"`, ``} {
		if template, err := wholeTemplate(json.RawMessage(patch)); err == nil {
			t.Errorf("%s reads as %s", patch, template)
		}
	}
}

func TestNumberedAt(t *testing.T) {
	entry := func(minute int, fields string) metav1.ManagedFieldsEntry {
		when := metav1.NewTime(at(minute))
		return metav1.ManagedFieldsEntry{Time: &when, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	for _, tt := range []struct {
		name    string
		entries []metav1.ManagedFieldsEntry
		want    time.Time
	}{
		{"nobody owns it", nil, time.Time{}},
		{"the newest of those who do", []metav1.ManagedFieldsEntry{entry(1, `{"f:revision":{}}`), entry(5, `{"f:revision":{}}`)}, at(5)},
		{"not of those who do not", []metav1.ManagedFieldsEntry{entry(1, `{"f:revision":{}}`), entry(5, `{"f:metadata":{}}`)}, at(1)},
		{"what cannot be read tells nothing", []metav1.ManagedFieldsEntry{entry(1, `[`), {}}, time.Time{}},
	} {
		if got := numberedAt(tt.entries); !got.Equal(tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// The rules are those of kubectl (rollout_status_test.go has cases for each).
func TestRolloutStatusOfOtherKinds(t *testing.T) {
	set := func(edit func(*Snapshot)) Snapshot {
		s := Snapshot{Workload: Workload{Kind: KindStatefulSet, Namespace: "shop", Name: "web"}, Generation: 2, ObservedGeneration: 2, Replicas: 3,
			Status: Status{ReadyReplicas: 3, UpdatedReplicas: 3, CurrentRevision: "b", UpdateRevision: "b"}}
		edit(&s)
		return s
	}
	daemon := func(edit func(*Snapshot)) Snapshot {
		s := Snapshot{Workload: Workload{Kind: KindDaemonSet, Namespace: "shop", Name: "web"}, Generation: 2, ObservedGeneration: 2,
			Status: Status{DesiredNumberScheduled: 3, UpdatedNumberScheduled: 3, NumberAvailable: 3}}
		edit(&s)
		return s
	}
	for _, tt := range []struct {
		name, message string
		s             Snapshot
		done          bool
	}{
		{"a StatefulSet is done", "3 of 3 replicas are ready", set(func(*Snapshot) {}), true},
		{"waits for its controller", "the StatefulSet controller has not acted", set(func(s *Snapshot) { s.Generation = 3 }), false},
		{"waits for its first status", "has not acted", set(func(s *Snapshot) { s.Generation, s.ObservedGeneration = 0, 0 }), false},
		{"waits for replicas to be ready", "2 of 3 replicas are ready", set(func(s *Snapshot) { s.Status.ReadyReplicas = 2 }), false},
		{"waits for replicas to be updated", "1 of 3 replicas run the new template", set(func(s *Snapshot) {
			s.Status.UpdatedReplicas, s.Status.CurrentRevision = 1, "a"
		}), false},
		{"waits for those from the partition up", "1 of the 2 replicas from ordinal 1 up", set(func(s *Snapshot) {
			s.Update.Partition, s.Status.UpdatedReplicas = 1, 1
		}), false},
		{"is done from the partition up", "from ordinal 1 up: 2 replicas", set(func(s *Snapshot) {
			s.Update.Partition, s.Status.UpdatedReplicas, s.Status.CurrentRevision = 1, 2, "a"
		}), true},
		{"a DaemonSet is done", "3 of 3 pods are available", daemon(func(*Snapshot) {}), true},
		{"waits for its controller", "the DaemonSet controller has not acted", daemon(func(s *Snapshot) { s.Generation = 3 }), false},
		{"waits for nodes", "2 of 3 nodes run the new template", daemon(func(s *Snapshot) { s.Status.UpdatedNumberScheduled = 2 }), false},
		{"waits for pods to be available", "2 of 3 updated pods", daemon(func(s *Snapshot) { s.Status.NumberAvailable = 2 }), false},
	} {
		message, done, err := RolloutStatus(tt.s)
		if err != nil || done != tt.done || !strings.Contains(message, tt.message) {
			t.Errorf("%s: %q, %v, %v; want %q, %v", tt.name, message, done, err, tt.message, tt.done)
		}
	}
	for _, s := range []Snapshot{set(func(s *Snapshot) { s.Update.Type = "OnDelete" }), daemon(func(s *Snapshot) { s.Update.Type = "OnDelete" })} {
		if _, done, err := RolloutStatus(s); done || err == nil || !strings.Contains(err.Error(), "OnDelete") {
			t.Errorf("of OnDelete: %v, %v", done, err)
		}
	}
}

// With pods that are managed in order a StatefulSet waits for a bad pod that will never be ready, rolled back or not.
func TestStuckNamesThePodThatAStatefulSetWaitsFor(t *testing.T) {
	s := live(rs(2, "v2", 60), rs(3, "v3", 120))
	s.Ordered = true
	s.Pods = []PodState{{Name: "web-2", Owner: s.Revisions[1].UID}}
	if got := Stuck(s); !strings.Contains(got, "pod web-2 is of another version and not ready") || !strings.Contains(got, "delete it") {
		t.Errorf("Stuck = %q", got)
	}
	s.Ordered = false
	if got := Stuck(s); got != "" {
		t.Errorf("Stuck = %q", got)
	}
}

// What rollbackd may not read is named with its kind, so that whoever grants permissions knows which.
func TestForbiddenKindsAreNamed(t *testing.T) {
	eachKind(t, func(t *testing.T, kind Kind) {
		w := Workload{Kind: kind, Namespace: "shop", Name: "web"}
		for path, words := range map[string]string{
			kind.resource().Resource: "unable to read " + kind.String() + " shop/web",
			"controllerrevisions":    "unable to list the ControllerRevisions of shop/web",
			"pods":                   "unable to list the pods of shop/web",
		} {
			cluster := clusterOf(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				parts := strings.Split(r.URL.Path, "/")
				switch {
				case strings.Contains(r.URL.Path, "/"+path):
					writeJSON(rw, http.StatusForbidden, answer(http.StatusForbidden, "no").ErrStatus)
				case parts[len(parts)-1] == "web":
					writeJSON(rw, http.StatusOK, workloadOf(t, kind, podSpec("v3")))
				default:
					writeJSON(rw, http.StatusOK, map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}, "items": []any{}})
				}
			}))
			_, err := cluster.Read(t.Context(), w, nil)
			if !IsForbidden(err) || !strings.Contains(err.Error(), words) || errors.Is(err, ErrNotFound) {
				t.Errorf("%s forbidden: %v, want %q", path, err, words)
			}
		}
	})
}
