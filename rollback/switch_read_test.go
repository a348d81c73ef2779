package rollback

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

// manifest reads an object of namespace shop that is written as name, uid, further metadata and further fields.
func manifest(t *testing.T, apiVersion, kind, name, metadata, fields string) *unstructured.Unstructured {
	t.Helper()
	var u unstructured.Unstructured
	text := fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,"namespace":"shop","uid":"uid-%s"%s}%s}`, apiVersion, kind, name, name, metadata, fields)
	if err := u.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return &u
}

func controlledBy(kind, name string) string {
	return fmt.Sprintf(`,"creationTimestamp":%q,"ownerReferences":[{"apiVersion":"v1","kind":%q,"name":%q,"uid":"uid-%s","controller":true}]`,
		minute(90).Format(time.RFC3339), kind, name, name)
}

// colourObjects are the Deployment of a colour and its ReplicaSet.
func colourObjects(t *testing.T, app, colour string) []runtime.Object {
	name := app + "-" + colour
	podLabels := fmt.Sprintf(`{"app":%q,%q:%q}`, app, colourKey, colour)
	spec := fmt.Sprintf(`,"spec":{"replicas":3,"selector":{"matchLabels":%s},"template":{"metadata":{"labels":%s},"spec":{"containers":[{"name":"app","image":"%s:v-%s"}]}}}`,
		podLabels, podLabels, app, colour)
	return []runtime.Object{
		manifest(t, "apps/v1", "Deployment", name, `,"labels":{"team":"x"}`, spec),
		manifest(t, "apps/v1", "ReplicaSet", name+"-1", `,"labels":`+podLabels+`,"annotations":{"deployment.kubernetes.io/revision":"1"}`+controlledBy("Deployment", name), spec),
	}
}

// colourPod is a pod of a colour, with what else its metadata says and the status of its Ready condition.
func colourPod(t *testing.T, app, colour, name, metadata, ready string) *unstructured.Unstructured {
	return manifest(t, "v1", "Pod", name, fmt.Sprintf(`,"labels":{"app":%q,%q:%q}%s%s`, app, colourKey, colour, metadata, controlledBy("ReplicaSet", app+"-"+colour+"-1")),
		fmt.Sprintf(`,"spec":{"nodeName":"n"},"status":{"conditions":[{"type":"PodScheduled","status":"True"},{"type":"Ready","status":%q}]}`, ready))
}

// greenService is the Service, switched to green at minute 120 and annotated by someone else later.
func greenService(t *testing.T) *unstructured.Unstructured {
	fields := fmt.Sprintf(`,"resourceVersion":"41","annotations":{"x":"y"},"managedFields":[`+
		`{"manager":"deployer","operation":"Update","time":%q,"fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:selector":{}}}},`+
		`{"manager":"annotator","operation":"Update","time":%q,"fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:annotations":{}}}}]`,
		minute(120).Format(time.RFC3339), minute(125).Format(time.RFC3339))
	return manifest(t, "v1", "Service", "checkout", fields, fmt.Sprintf(`,"spec":{"selector":{"app":"checkout",%q:"green"}}`, colourKey))
}

// colours is a cluster with two colours of the workload, a third one, and another workload with the same colours.
func colours(t *testing.T) *fake.FakeDynamicClient {
	t.Helper()
	objects := []runtime.Object{greenService(t),
		colourPod(t, "checkout", "green", "g1", "", "True"), colourPod(t, "checkout", "green", "g2", "", "True"),
		colourPod(t, "checkout", "green", "g-unready", "", "False"),
		colourPod(t, "checkout", "green", "g-dying", `,"deletionTimestamp":"2026-11-22T10:00:00Z"`, "True"),
		colourPod(t, "checkout", "blue", "b1", "", "True"), colourPod(t, "checkout", "red", "r1", "", "True"),
		colourPod(t, "payments", "blue", "p1", "", "True"), manifest(t, "v1", "Pod", "bare", "", ""),
	}
	for _, c := range [][2]string{{"checkout", "green"}, {"checkout", "blue"}, {"checkout", "red"}, {"payments", "blue"}} {
		objects = append(objects, colourObjects(t, c[0], c[1])...)
	}
	leaving := colourObjects(t, "checkout", "blue")[0].(*unstructured.Unstructured)
	leaving.SetName("leaving")
	leaving.SetUID("uid-leaving")
	now := metav1.NewTime(minute(1))
	leaving.SetDeletionTimestamp(&now)
	return fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		deploymentsResource(): "DeploymentList", replicaSetsResource(): "ReplicaSetList", podsResource(): "PodList", servicesResource(): "ServiceList",
	}, append(objects, leaving)...)
}

func green() Workload { return Workload{Namespace: "shop", Name: "checkout-green"} }

func wantColours(t *testing.T, s Snapshot) {
	t.Helper()
	state := s.Switch
	if s.Live == nil || state == nil {
		t.Fatalf("the snapshot is %+v", s)
	}
	if state.ServiceUID != "uid-checkout" || state.ResourceVersion != "41" || state.Live() != "green" || len(state.Selector) != 2 || state.Annotations["x"] != "y" {
		t.Errorf("the Service is %+v", state)
	}
	if !state.SwitchedAt.Equal(minute(120)) {
		t.Errorf("switched at %v, want the time of the entry that owns the selector", state.SwitchedAt)
	}
	if state.NewReady != 2 || state.OldReady != 1 {
		t.Errorf("%d new and %d old pods are ready, want 2 and 1: those that are ready, not terminating and selected", state.NewReady, state.OldReady)
	}
	if len(state.Old) != 1 || state.Old[0].Workload.Name != "checkout-blue" {
		t.Fatalf("the old colour is %+v, want checkout-blue alone", state.Old)
	}
	old := state.Old[0]
	if old.UID != "uid-checkout-blue" || old.Replicas != 3 || old.Live == nil || old.Live.PodPrefix != "checkout-blue-1-" ||
		old.Live.Version != "v-blue" || !old.Live.FirstPodAt.Equal(minute(90)) {
		t.Errorf("the old colour is %+v", old)
	}
}

func TestReadOfASwitch(t *testing.T) {
	sw := toGreen()
	s, err := NewCluster(colours(t), Options{}).Read(t.Context(), green(), &sw)
	if err != nil {
		t.Fatal(err)
	}
	wantColours(t, s)
	if s, err := NewCluster(colours(t), Options{}).Read(t.Context(), green(), nil); err != nil || s.Switch != nil {
		t.Errorf("without a switch, Read = %+v, %v", s.Switch, err)
	}
}

func TestReadOfASwitchThatNamesNothing(t *testing.T) {
	for name, change := range map[string]func(*Switch){
		"no such Service": func(sw *Switch) { sw.Service = "nothing" },
		"no such key":     func(sw *Switch) { sw.SelectorKey = "tier" },
		"no such colour":  func(sw *Switch) { sw.From, sw.To = "a", "b" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, sw := colours(t), toGreen()
				change(&sw)
				s, err := NewCluster(client, Options{}).Read(t.Context(), green(), &sw)
				if err != nil || s.Switch.OldReady != 0 || s.Switch.NewReady != 0 || len(s.Switch.Old) != 0 {
					t.Fatalf("Read = %+v, %v; want neither colour and no error", s.Switch, err)
				}
				w, _ := runColours(t, client)
				cached := cachedColours(t, w, sw)
				if cached.Switch.ServiceUID != s.Switch.ServiceUID || cached.Switch.OldReady != 0 || len(cached.Switch.Old) != 0 {
					t.Errorf("the cache has %+v, want what was read", cached.Switch)
				}
			})
		})
	}
}

func TestAServiceThatIsBeingDeletedIsGone(t *testing.T) {
	client, sw, leaving := colours(t), toGreen(), greenService(t)
	now := metav1.NewTime(minute(121))
	leaving.SetDeletionTimestamp(&now)
	if _, err := client.Resource(servicesResource()).Namespace("shop").Update(t.Context(), leaving, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	s, err := NewCluster(client, Options{}).Read(t.Context(), green(), &sw)
	if err != nil || s.Switch.ServiceUID != "" || s.Switch.Live() != "" {
		t.Errorf("Read = %+v, %v; want no Service", s.Switch, err)
	}
}

func TestReadOfASwitchAsksForNothingThatThePublisherWrote(t *testing.T) {
	client, sw := colours(t), toGreen()
	sw.From, sw.To = "a,b in (c)", "green,app!=(x)"
	if _, err := NewCluster(client, Options{}).Read(t.Context(), green(), &sw); err != nil {
		t.Fatal(err)
	}
	for _, action := range client.Actions() {
		list, isList := action.(clienttesting.ListAction)
		if isList && strings.ContainsAny(list.GetListRestrictions().Labels.String(), "!()") {
			t.Errorf("a list was asked for with the selector %s", list.GetListRestrictions().Labels)
		}
	}
}

func TestReadOfASwitchFailsWhenAnyPartDoes(t *testing.T) {
	sw := toGreen()
	for _, fails := range []struct {
		verb, resource string
		nth            int
	}{
		{"get", "services", 1}, {"list", "pods", 2}, {"list", "deployments", 1}, {"list", "replicasets", 2}, {"list", "pods", 3},
	} {
		t.Run(fmt.Sprintf("%s %s %d", fails.verb, fails.resource, fails.nth), func(t *testing.T) {
			client, n := colours(t), 0
			client.PrependReactor(fails.verb, fails.resource, func(clienttesting.Action) (bool, runtime.Object, error) {
				n++
				return n == fails.nth, nil, errors.New("no answer")
			})
			if _, err := NewCluster(client, Options{}).Read(t.Context(), green(), &sw); err == nil || errors.Is(err, ErrNotFound) {
				t.Errorf("Read fails with %v, want another error than that the workload is unknown", err)
			}
		})
	}
}

func TestUnreadableObjectsFailTheRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, sw := colours(t), toGreen()
		broken := colourObjects(t, "checkout", "blue")[0].(*unstructured.Unstructured)
		if err := unstructured.SetNestedField(broken.Object, "many", "spec", "replicas"); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Resource(deploymentsResource()).Namespace("shop").Update(t.Context(), broken, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		var wrongType *json.UnmarshalTypeError
		if _, err := NewCluster(client, Options{}).Read(t.Context(), green(), &sw); !errors.As(err, &wrongType) {
			t.Errorf("Read fails with %v", err)
		}
		w, _ := runColours(t, client)
		awaitTrue(t, "the Services to be cached", func() bool { return w.synced(scope{namespace: "shop"}).services.HasSynced() })
		if s, ok := w.Cached(green(), &sw); ok {
			t.Errorf("an unreadable old colour is cached as %+v", s.Switch)
		}
	})
}
