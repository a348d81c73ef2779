package rollback

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

func TestApply(t *testing.T) {
	tests := []struct {
		name string
		// since is what happened between the plan and its application.
		since func(*Snapshot)
		// serve makes the server misbehave.
		serve  func(*server)
		result Result
		detail string
		// err is part of the error; with it there is no result.
		err string
	}{
		{"lands", nil, nil, Landed, "the API server accepted the template of ReplicaSet checkout-60v2", ""},
		{"has landed before a restart", func(s *Snapshot) { s.Template, s.Annotations[IntentAnnotation] = podSpec("v2"), "intent-1" }, nil,
			Landed, "put there by this intent", ""},
		{"somebody else put the target back", func(s *Snapshot) { s.Template = podSpec("v2") }, nil,
			Superseded, "somebody else put it there", ""},
		{"has landed, and was deployed over since", func(s *Snapshot) { s.Template, s.Annotations[IntentAnnotation] = podSpec("v4"), "intent-1" }, nil,
			Landed, "was given the template of ReplicaSet checkout-60v2 by this intent, and was changed again since", ""},
		{"has landed, and what it took back was deployed again", func(s *Snapshot) { s.Annotations[IntentAnnotation] = "intent-1" }, nil,
			Landed, "was changed again since", ""},
		{"another version", func(s *Snapshot) { s.Template = podSpec("v4") }, nil,
			Superseded, "now runs revision 3 with image registry:5000/shop/checkout:v4; the plan was made for revision 3", ""},
		{"the rollout was restarted", func(s *Snapshot) { s.Template, s.Annotations[revisionAnnotation] = restarted("v3", "later"), "4" }, nil,
			Outdated, "was restarted, or given other labels or annotations, after the plan was made", ""},
		{"the rollout was restarted, and no revision was made of that yet", func(s *Snapshot) { s.Template = restarted("v3", "later") }, nil,
			"", "", "its controller has not looked at that yet"},
		{"the rollout was restarted while it is paused", func(s *Snapshot) { s.Template, s.Paused = restarted("v3", "later"), true }, nil,
			Superseded, "the plan was made for revision 3", ""},
		{"the rollout was restarted, and more than that happened", func(s *Snapshot) { s.Template, s.Annotations[revisionAnnotation] = restarted("v3", "later"), "5" }, nil,
			Superseded, "the plan was made for revision 3", ""},
		{"the same template at another revision", func(s *Snapshot) { s.Annotations[revisionAnnotation] = "5" }, nil,
			Superseded, "is at revision 5; the plan was made for revision 3", ""},
		{"paused since", func(s *Snapshot) { s.Paused = true }, nil, Superseded, "was paused after the plan was made", ""},
		{"made again", func(s *Snapshot) { s.UID = "another" }, nil, Failed, "the workload is gone", ""},
		{"an unrelated annotation does not matter", func(s *Snapshot) { s.Annotations["x"] = "y" }, nil, Landed, "accepted", ""},

		{"404: the workload is gone", nil, func(s *server) { s.object = nil }, Failed, "the workload is gone", ""},
		{"404 of the patch", nil, onPatch(notFound()), Failed, "the workload is gone", ""},
		{"422, and somebody was first", nil, func(s *server) {
			s.onPatch = func([]byte) *apierrors.StatusError {
				_, other := pinned()
				other.Template, other.Revision, other.Annotations[revisionAnnotation] = podSpec("v4"), "4", "4"
				s.set(other)
				return nil
			}
		}, Superseded, "now runs revision 4 with image registry:5000/shop/checkout:v4", ""},
		{"422, and an earlier try had landed", nil, func(s *server) {
			s.onPatch = func([]byte) *apierrors.StatusError {
				_, ours := pinned()
				ours.Template, ours.Annotations[IntentAnnotation] = podSpec("v2"), "intent-1"
				s.set(ours)
				return nil
			}
		}, Landed, "put there by this intent", ""},
		{"422 and deleted meanwhile", nil, func(s *server) {
			s.onPatch = func([]byte) *apierrors.StatusError {
				s.object = nil
				return answer(http.StatusUnprocessableEntity, "testing value failed")
			}
		}, Failed, "the workload is gone", ""},
		{"422, and nothing has changed: the server's own reason", nil, onPatch(answer(http.StatusUnprocessableEntity, "replicas must be odd")),
			Failed, "replicas must be odd", ""},
		{"400: the patch did not decode", nil, onPatch(answer(http.StatusBadRequest, "error decoding patch")), Failed, "error decoding patch", ""},
		{"403: the missing permission", nil, onPatch(forbidden("patch")), Failed, `cannot patch resource "deployments"`, ""},
		{"403 of the read before", nil, func(s *server) { s.onGet = func(int) *apierrors.StatusError { return forbidden("get") } },
			Failed, `cannot get resource "deployments"`, ""},

		{"401 may pass", nil, onPatch(answer(http.StatusUnauthorized, "token expired")), "", "", "token expired"},
		{"409 may pass", nil, onPatch(answer(http.StatusConflict, "the object has been modified")), "", "", "has been modified"},
		{"429 may pass", nil, onPatch(answer(http.StatusTooManyRequests, "slow down")), "", "", "slow down"},
		{"500 may pass", nil, onPatch(answer(http.StatusInternalServerError, "etcd is away")), "", "", "etcd is away"},
		{"503 of the read before may pass", nil, func(s *server) {
			s.onGet = func(int) *apierrors.StatusError { return answer(http.StatusServiceUnavailable, "starting") }
		}, "", "", "starting"},
		{"a 422 that cannot be explained may pass", nil, func(s *server) {
			s.onPatch = func([]byte) *apierrors.StatusError { return answer(http.StatusUnprocessableEntity, "test failed") }
			s.onGet = func(n int) *apierrors.StatusError {
				if n > 1 {
					return answer(http.StatusInternalServerError, "etcd is away")
				}
				return nil
			}
		}, "", "", "etcd is away"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pin, s := pinned()
			p, refusal := MakePlan(pin, s, false)
			if refusal != nil {
				t.Fatal(refusal)
			}
			if tt.since != nil {
				tt.since(&s)
			}
			srv, cluster := newServer(t, &s)
			if tt.serve != nil {
				tt.serve(srv)
			}
			result, detail, err := cluster.Apply(t.Context(), p, "intent-1")
			if result != tt.result || !strings.Contains(detail, tt.detail) || (err != nil) != (tt.err != "") {
				t.Fatalf("Apply = %q, %q, %v; want %q, %q, %q", result, detail, err, tt.result, tt.detail, tt.err)
			}
			if err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("the error is %q, want %q in it", err, tt.err)
			}
			for _, query := range srv.queries {
				if query != "fieldManager="+FieldManager {
					t.Errorf("patched with %q", query)
				}
			}
		})
	}
}

func onPatch(status *apierrors.StatusError) func(*server) {
	return func(s *server) { s.onPatch = func([]byte) *apierrors.StatusError { return status } }
}

func forbidden(verb string) *apierrors.StatusError {
	return answer(http.StatusForbidden, `User "rollbackd" cannot `+verb+` resource "deployments" in API group "apps" in the namespace "shop"`)
}

func TestApplyTwiceLandsOnce(t *testing.T) {
	pin, s := pinned()
	p, _ := MakePlan(pin, s, false)
	srv, cluster := newServer(t, &s)
	for range 2 {
		if result, detail, err := cluster.Apply(t.Context(), p, "intent-1"); result != Landed || err != nil {
			t.Fatalf("Apply = %q, %q, %v", result, detail, err)
		}
	}
	if len(srv.queries) != 1 {
		t.Errorf("%d patches were sent, want 1", len(srv.queries))
	}
}

func TestApplyToASlowServerIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pin, s := pinned()
		p, _ := MakePlan(pin, s, false)
		srv := &server{t: t, object: object(s)}
		srv.onPatch = func([]byte) *apierrors.StatusError {
			time.Sleep(200 * time.Millisecond)
			return nil
		}
		client, err := dynamic.NewForConfig(&rest.Config{Host: "http://cluster", QPS: -1, Transport: wireless{srv}})
		if err != nil {
			t.Fatal(err)
		}
		cluster := NewCluster(client, Options{Timeout: 50 * time.Millisecond})
		if result, _, err := cluster.Apply(t.Context(), p, "intent-1"); result != "" || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Apply = %q, %v; want an unknown outcome", result, err)
		}
		time.Sleep(time.Second)
		// The server has carried it out all the same, and the next try finds that.
		if landed, err := cluster.Landed(t.Context(), p, "intent-1"); !landed || err != nil {
			t.Errorf("Landed = %v, %v", landed, err)
		}
	})
}

// wireless carries requests to a server in the same bubble. As over a wire, the server goes on with what its caller no longer waits for.
type wireless struct{ server http.Handler }

func (w wireless) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, answered := httptest.NewRecorder(), make(chan struct{})
	sent := r.Clone(context.WithoutCancel(r.Context()))
	go func() {
		defer close(answered)
		w.server.ServeHTTP(answer, sent)
	}()
	select {
	case <-answered:
		return answer.Result(), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func TestLanded(t *testing.T) {
	pin, s := pinned()
	p, _ := MakePlan(pin, s, false)
	srv, cluster := newServer(t, &s)
	check := func(name string, want bool, wantErr error) {
		t.Helper()
		if got, err := cluster.Landed(t.Context(), p, "intent-1"); got != want || !errors.Is(err, wantErr) {
			t.Errorf("%s: Landed = %v, %v; want %v, %v", name, got, err, want, wantErr)
		}
	}
	check("before", false, nil)
	s.Annotations[IntentAnnotation] = "intent-1"
	srv.set(s)
	check("with the annotation, and another template since", true, nil)
	s.Template, s.Annotations[IntentAnnotation] = podSpec("v2"), "intent-0"
	srv.set(s)
	check("with the template and another intent", false, nil)
	s.Annotations[IntentAnnotation] = "intent-1"
	srv.set(s)
	check("with both", true, nil)
	srv.object = nil
	check("when the workload is gone", false, ErrNotFound)
}

func TestOnlyTheAPIServerItselfCanSayNotFound(t *testing.T) {
	w := Workload{Namespace: "shop", Name: "checkout"}
	_, cluster := newServer(t, nil)
	if _, err := cluster.Read(t.Context(), w, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("a real 404 reads as %v", err)
	}
	for name, handler := range map[string]http.Handler{
		"a proxy's 404": http.NotFoundHandler(),
		"an API not served": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, 404, answer(404, "no such resource").ErrStatus)
		}),
		"a server that errs": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }),
	} {
		if _, err := clusterOf(t, handler).Read(t.Context(), w, nil); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%s reads as %v", name, err)
		}
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	client, err := dynamic.NewForConfig(&rest.Config{Host: gone.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewCluster(client, Options{}).Read(t.Context(), w, nil); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("a server that is away reads as %v", err)
	}
}
