package rollback

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

// runColours runs a Watcher in the bubble of a test until that ends, and checks that it then leaves nothing behind.
func runColours(t *testing.T, client *fake.FakeDynamicClient) (*Watcher, <-chan Workload) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	w := NewWatcher(client, WatcherOptions{Coalesce: 20 * time.Millisecond, OnError: func(string, error) {}})
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
	waiting, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if err := w.Watch(waiting, green()); err != nil {
		t.Fatal(err)
	}
	return w, changes
}

// cachedColours waits until the Services are cached too.
func cachedColours(t *testing.T, w *Watcher, sw Switch) Snapshot {
	t.Helper()
	var s Snapshot
	awaitTrue(t, "the switch to be cached", func() bool {
		var ok bool
		s, ok = w.Cached(green(), &sw)
		return ok
	})
	return s
}

func awaitTrue(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

func TestWatcherKeepsWhatASwitchNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := runColours(t, colours(t))
		wantColours(t, cachedColours(t, w, toGreen()))
		if s, ok := w.Cached(green(), nil); !ok || s.Switch != nil {
			t.Errorf("without a switch, Cached = %+v, %v", s.Switch, ok)
		}
	})
}

func TestWatcherTellsOfAServiceThatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := colours(t)
		w, changes := runColours(t, client)
		cachedColours(t, w, toGreen())
		services := client.Resource(servicesResource()).Namespace("shop")
		for _, tt := range []struct {
			name   string
			change func(context.Context) error
			seen   func(SwitchState) bool
		}{
			{"switched back", func(ctx context.Context) error {
				svc := greenService(t)
				svc.SetResourceVersion("42")
				if err := unstructured.SetNestedField(svc.Object, "blue", "spec", "selector", colourKey); err != nil {
					return err
				}
				_, err := services.Update(ctx, svc, metav1.UpdateOptions{})
				return err
			}, func(s SwitchState) bool { return s.Live() == "blue" }},
			{"deleted", func(ctx context.Context) error {
				return services.Delete(ctx, "checkout", metav1.DeleteOptions{})
			}, func(s SwitchState) bool { return s.ServiceUID == "" }},
		} {
			quiet(changes) // what was told before is of no change
			if err := tt.change(t.Context()); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if told := quiet(changes); told == 0 {
				t.Errorf("%s: nobody was told", tt.name)
			}
			if state := *cachedColours(t, w, toGreen()).Switch; !tt.seen(state) {
				t.Errorf("%s: the cache has %+v", tt.name, state)
			}
		}
	})
}

func TestWatcherSeesAPodBecomeUnready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := colours(t)
		w, changes := runColours(t, client)
		quiet(changes)
		unready := colourPod(t, "checkout", "green", "g1", `,"resourceVersion":"7"`, "False")
		if _, err := client.Resource(podsResource()).Namespace("shop").Update(t.Context(), unready, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		quiet(changes)
		if n := cachedColours(t, w, toGreen()).Switch.NewReady; n != 1 {
			t.Errorf("%d pods are ready, want 1", n)
		}
	})
}

func TestWatcherRollsOnWithoutServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := colours(t)
		client.PrependReactor("list", "services", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "", errors.New(http.StatusText(http.StatusForbidden)))
		})
		w, _ := runColours(t, client)
		if _, ok := w.Cached(green(), nil); !ok {
			t.Error("a workload cannot be read where Services may not be listed")
		}
		sw := toGreen()
		if s, ok := w.Cached(green(), &sw); ok {
			t.Errorf("a switch was read where Services may not be listed: %+v", s.Switch)
		}
	})
}
