package rollback

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

func checkout() Workload { return Workload{Namespace: "shop", Name: "checkout"} }

// unstruct reads JSON as the dynamic client does.
func unstruct(t *testing.T, object []byte) *unstructured.Unstructured {
	t.Helper()
	var u unstructured.Unstructured
	if err := u.UnmarshalJSON(object); err != nil {
		t.Fatal(err)
	}
	return &u
}

// ownedMeta returns metadata of an object in the namespace that the owner controls.
func ownedMeta(name, uid, ownerKind, ownerName, ownerUID string) map[string]any {
	return map[string]any{
		"name": name, "namespace": "shop", "uid": uid, "labels": map[string]any{"app": "checkout"},
		"creationTimestamp": at(60).Format(time.RFC3339),
		"managedFields":     []any{map[string]any{"manager": "m"}},
		"ownerReferences":   []any{map[string]any{"apiVersion": "v1", "kind": ownerKind, "name": ownerName, "uid": ownerUID, "controller": true}},
	}
}

// replicaSetOf is the ReplicaSet of a revision as the controller makes it: with the hash in the template's labels.
func replicaSetOf(t *testing.T, r Revision, owner string) *unstructured.Unstructured {
	t.Helper()
	metadata := ownedMeta(r.ReplicaSet, r.UID, "Deployment", owner, "uid-"+owner)
	metadata["creationTimestamp"] = r.CreatedAt.Format(time.RFC3339)
	metadata["annotations"] = map[string]any{revisionAnnotation: r.Number}
	metadata["labels"] = map[string]any{"app": "checkout", hashLabel: r.Hash}
	template := strings.Replace(string(r.Template), `"labels":{`, `"labels":{"pod-template-hash":"`+r.Hash+`",`, 1)
	out, err := json.Marshal(map[string]any{"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata,
		"spec": map[string]any{"replicas": 2, "template": json.RawMessage(template)}, "status": map[string]any{"readyReplicas": 1}})
	if err != nil {
		t.Fatal(err)
	}
	return unstruct(t, out)
}

func podOf(name string, r Revision, minute int) *unstructured.Unstructured {
	metadata := ownedMeta(name, "uid-"+name, "ReplicaSet", r.ReplicaSet, r.UID)
	metadata["creationTimestamp"] = at(minute).Format(time.RFC3339)
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
		"spec": map[string]any{"nodeName": "n"}, "status": map[string]any{"phase": "Running"}}}
}

// shop is a cluster with the workload of pinned in it, two pods of v3 and things that belong to others.
func shop(t *testing.T) *fake.FakeDynamicClient {
	t.Helper()
	_, s := pinned()
	v3, v2 := s.Revisions[0], s.Revisions[1]
	dying := podOf("v3-old", v3, 100)
	deleted := metav1.NewTime(at(101))
	dying.SetDeletionTimestamp(&deleted)
	other := rs(9, "other", 30)
	return fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		deploymentsResource(): "DeploymentList", replicaSetsResource(): "ReplicaSetList", servicesResource(): "ServiceList",
		podsResource(): "PodList",
	}, unstruct(t, object(s)), replicaSetOf(t, v3, "checkout"), replicaSetOf(t, v2, "checkout"), replicaSetOf(t, other, "payments"),
		podOf("v3-b", v3, 122), podOf("v3-a", v3, 121), dying, podOf("stray", other, 20))
}

func checkShop(t *testing.T, s Snapshot) {
	t.Helper()
	if len(s.Revisions) != 2 || s.Revisions[0].Number != "3" || s.Revisions[1].Number != "2" {
		t.Fatalf("the revisions are %+v, want the workload's own, the newest first", s.Revisions)
	}
	if s.Live == nil || s.Live.Number != "3" || !s.Live.FirstPodAt.Equal(at(121)) || s.Live.Replicas != 2 || s.Live.Ready != 1 {
		t.Errorf("live is %+v, want revision 3 with its earliest live pod", s.Live)
	}
	if !TemplatesEqual(s.Revisions[1].Template, podSpec("v2")) || strings.Contains(string(s.Revisions[1].Template), hashLabel) {
		t.Errorf("the template of revision 2 is %s", s.Revisions[1].Template)
	}
	if s.Live.PodPrefix != "checkout-120v3-" || s.Live.Version != "v3" || s.Version() != "v3" || s.Replicas != 2 || s.UID != "uid-checkout" {
		t.Errorf("the snapshot is %+v", s)
	}
}

func TestReadBuildsASnapshot(t *testing.T) {
	s, err := NewCluster(shop(t), Options{}).Read(t.Context(), checkout(), nil)
	if err != nil {
		t.Fatal(err)
	}
	checkShop(t, s)
}

func TestPodPrefixIsCutAsTheAPIServerDoes(t *testing.T) {
	if got := podPrefix(strings.Repeat("x", 70)); got != strings.Repeat("x", 58) {
		t.Errorf("podPrefix = %q", got)
	}
	if got := podPrefix("checkout-abc"); got != "checkout-abc-" {
		t.Errorf("podPrefix = %q", got)
	}
}

// runWatcher runs a Watcher in the bubble of a test until that ends, and checks that it then leaves nothing behind.
func runWatcher(t *testing.T, client *fake.FakeDynamicClient, options WatcherOptions) (*Watcher, <-chan Workload) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	options.Coalesce = 20 * time.Millisecond
	w := NewWatcher(client, options)
	changes := make(chan Workload, 100)
	w.OnChange(func(workload Workload) { changes <- workload })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		goleak.VerifyNone(t, before)
	})
	return w, changes
}

func watchShop(t *testing.T, w *Watcher) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := w.Watch(ctx, checkout()); err != nil {
		t.Fatal(err)
	}
}

// quiet lets a second of the bubble pass, which is enough for all that was begun to be reported, and returns how many changes were.
func quiet(changes <-chan Workload) int {
	time.Sleep(time.Second)
	synctest.Wait()
	n := 0
	for ; len(changes) > 0; n++ {
		<-changes
	}
	return n
}

func TestWatcherBuildsTheSameSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, changes := runWatcher(t, shop(t), WatcherOptions{})
		if _, ok := w.Cached(checkout(), nil); ok {
			t.Error("a workload is cached before anyone was interested")
		}
		watchShop(t, w)
		s, ok := w.Cached(checkout(), nil)
		if !ok {
			t.Fatal("the workload is not cached")
		}
		checkShop(t, s)
		if quiet(changes) == 0 {
			t.Error("nobody was told that the workload can be read")
		}
		w.Forget(checkout())
		if _, ok := w.Cached(checkout(), nil); ok {
			t.Error("a forgotten workload is still cached")
		}
		watchShop(t, w)
		if _, ok := w.Cached(checkout(), nil); !ok {
			t.Error("interest cannot be taken again")
		}
	})
}

func TestWatcherTellsOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := shop(t)
		_, pinnedAt := pinned()
		v3 := pinnedAt.Revisions[0]
		deployments := client.Resource(deploymentsResource()).Namespace("shop")
		pods := client.Resource(podsResource()).Namespace("shop")
		replicaSets := client.Resource(replicaSetsResource()).Namespace("shop")
		tests := []struct {
			name   string
			change func(context.Context) error
			told   bool
		}{
			{"the Deployment", func(ctx context.Context) error {
				d, err := deployments.Get(ctx, "checkout", metav1.GetOptions{})
				if err != nil {
					return err
				}
				d.SetGeneration(8)
				_, err = deployments.Update(ctx, d, metav1.UpdateOptions{})
				return err
			}, true},
			{"a new pod", func(ctx context.Context) error {
				_, err := pods.Create(ctx, podOf("v3-c", v3, 123), metav1.CreateOptions{})
				return err
			}, true},
			{"a deleted pod", func(ctx context.Context) error { return pods.Delete(ctx, "v3-c", metav1.DeleteOptions{}) }, true},
			{"a deleted ReplicaSet", func(ctx context.Context) error {
				return replicaSets.Delete(ctx, "checkout-60v2", metav1.DeleteOptions{})
			}, true},
			{"another workload's pod", func(ctx context.Context) error { return pods.Delete(ctx, "stray", metav1.DeleteOptions{}) }, false},
			{"the Deployment deleted", func(ctx context.Context) error { return deployments.Delete(ctx, "checkout", metav1.DeleteOptions{}) }, true},
		}
		w, changes := runWatcher(t, client, WatcherOptions{})
		watchShop(t, w)
		for _, tt := range tests {
			quiet(changes)
			if err := tt.change(t.Context()); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if told := quiet(changes); (told > 0) != tt.told || told > 1 {
				t.Errorf("%s: told %d times, want at most once and at all: %v", tt.name, told, tt.told)
			}
		}
		if _, ok := w.Cached(checkout(), nil); ok {
			t.Error("a deleted workload is still cached")
		}
	})
}

func TestWatcherOutlivesTheAPIServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := shop(t)
		var away atomic.Bool
		away.Store(true)
		client.PrependReactor("list", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
			return away.Load(), nil, errors.New("connection refused")
		})
		failures := make(chan string, 100)
		w, changes := runWatcher(t, client, WatcherOptions{OnError: func(namespace string, err error) {
			failures <- namespace + ": " + err.Error()
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := w.Watch(ctx, checkout()); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Watch = %v while the API server is away", err)
		}
		if failure := <-failures; !strings.HasPrefix(failure, "shop: ") || !strings.Contains(failure, "connection refused") {
			t.Errorf("the failure is told as %q", failure)
		}
		quiet(changes)
		away.Store(false)
		select {
		case <-changes:
		case <-time.After(20 * time.Second):
			t.Fatal("nobody was told that the API server is back")
		}
		watchShop(t, w)
		s, ok := w.Cached(checkout(), nil)
		if !ok {
			t.Fatal("the workload is not cached although the API server is back")
		}
		checkShop(t, s)
	})
}
