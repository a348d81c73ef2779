package rollback

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// shopService writes the Service of a snapshot as the API server holds it.
func shopService(s Snapshot) []byte {
	metadata := map[string]any{"name": s.Switch.Switch.Service, "namespace": "shop", "uid": s.Switch.ServiceUID, "resourceVersion": s.Switch.ResourceVersion}
	if len(s.Switch.Annotations) > 0 {
		metadata["annotations"] = s.Switch.Annotations
	}
	out, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Service", "metadata": metadata,
		"spec": map[string]any{"selector": s.Switch.Selector, "ports": []any{map[string]any{"port": 80}}}})
	if err != nil {
		panic(err)
	}
	return out
}

// patchService does what the API server does with a JSON patch, with the library that it uses.
func patchService(patch, object []byte) (service, error) {
	var svc service
	p, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return svc, err
	}
	changed, err := p.Apply(object)
	if err != nil {
		return svc, err
	}
	return svc, json.Unmarshal(changed, &svc)
}

func TestPatchOfASwitchSwapsOnlyWhatWasPlanned(t *testing.T) {
	annotated := func(s *Snapshot) { s.Switch.Annotations = map[string]string{"x": "y"} }
	tests := []struct {
		name, key string
		// before is the scene that the plan is made for; since is what happened to it before the patch arrived.
		before, since func(*Snapshot)
		lands         bool
	}{
		{"lands on what the plan was made for", "color", nil, nil, true},
		{"lands among annotations", "color", annotated, nil, true},
		{"lands under a key with a slash", colourKey, nil, nil, true},
		{"lands under a key with a tilde", "a~1b~0c/~d", nil, nil, true},
		{"fails on a Service that was made again", "color", nil, func(s *Snapshot) { s.Switch.ServiceUID = "another" }, false},
		{"fails on any change of it", "color", nil, func(s *Snapshot) { s.Switch.ResourceVersion = "42" }, false},
		{"fails on a third colour", "color", nil, func(s *Snapshot) { s.Switch.Selector["color"] = "red" }, false},
		{"fails rather than wipe annotations that were added since", "color", nil, annotated, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pin, s := underKey(tt.key)
			if tt.before != nil {
				tt.before(&s)
			}
			p, r := MakePlan(pin, s, false)
			if r != nil {
				t.Fatal(r)
			}
			patch, err := p.Patch("intent-1")
			if err != nil {
				t.Fatal(err)
			}
			if tt.since != nil {
				tt.since(&s)
			}
			svc, err := patchService(patch, shopService(s))
			if (err == nil) != tt.lands {
				t.Fatalf("applying the patch gives %v, want it to land: %v\n%s", err, tt.lands, patch)
			}
			if tt.lands && (svc.Spec.Selector[tt.key] != "blue" || len(svc.Spec.Selector) != 2 ||
				svc.Metadata.Annotations[IntentAnnotation] != "intent-1" || len(svc.Metadata.Annotations) != len(s.Switch.Annotations)+1) {
				t.Errorf("the patched Service is %+v", svc)
			}
		})
	}
}

// underKey is the scene with another selector key.
func underKey(key string) (Pin, Snapshot) {
	s := blueGreen()
	rename := func(template json.RawMessage) json.RawMessage {
		return json.RawMessage(strings.Replace(string(template), colourKey, key, 1))
	}
	s.Switch.Switch.SelectorKey = key
	s.Switch.Selector = map[string]string{"app": "checkout", key: "green"}
	s.Template, s.Live.Template = rename(s.Template), rename(s.Template)
	blueRuns(rename(s.Switch.Old[0].Template))(&s)
	return pinOf(s), s
}

// serviceServer answers as an API server does that has one Service, and fails on demand in ways that a real one cannot
// be made to.
type serviceServer struct {
	t      *testing.T
	object Snapshot
	// onPatch is called before the nth patch is applied; if it returns a status, that is the answer.
	onPatch func(n int, s *Snapshot) *apierrors.StatusError
	// onGet does the same for reads.
	onGet         func(n int) *apierrors.StatusError
	patches, gets int
	paths         map[string]bool
}

func serviceCluster(t *testing.T) (*serviceServer, *Cluster, Plan) {
	t.Helper()
	p, r := MakePlan(pinBlueGreen(), blueGreen(), false)
	if r != nil {
		t.Fatal(r)
	}
	srv := &serviceServer{t: t, object: blueGreen(), paths: map[string]bool{}}
	h := httptest.NewServer(srv)
	t.Cleanup(h.Close)
	client, err := dynamic.NewForConfig(&rest.Config{Host: h.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	return srv, NewCluster(client, Options{Timeout: time.Hour}), p
}

func (s *serviceServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.paths[r.URL.Path] = true
	status := s.status(r)
	if status == nil && s.object.Switch.ServiceUID == "" {
		status = apierrors.NewNotFound(schema.GroupResource{Resource: "services"}, "checkout")
	}
	code, body := http.StatusOK, any(json.RawMessage(shopService(s.object)))
	if status != nil {
		status.ErrStatus.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
		code, body = int(status.ErrStatus.Code), status.ErrStatus
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.t.Error(err)
	}
}

func (s *serviceServer) status(r *http.Request) *apierrors.StatusError {
	if r.Method == http.MethodGet {
		if s.gets++; s.onGet != nil {
			return s.onGet(s.gets)
		}
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	if s.patches++; s.onPatch != nil {
		if status := s.onPatch(s.patches, &s.object); status != nil {
			return status
		}
	}
	svc, err := patchService(body, shopService(s.object))
	if err != nil {
		return refusedWith(http.StatusUnprocessableEntity)
	}
	s.object.Switch.Selector, s.object.Switch.Annotations = svc.Spec.Selector, svc.Metadata.Annotations
	touch(&s.object)
	return nil
}

func refusedWith(code int) *apierrors.StatusError {
	return apierrors.NewGenericServerResponse(code, "", schema.GroupResource{}, "", "no", 0, false)
}

// touch changes nothing but the resourceVersion.
func touch(s *Snapshot) {
	n, err := strconv.Atoi(s.Switch.ResourceVersion)
	if err != nil {
		panic(err)
	}
	s.Switch.ResourceVersion = strconv.Itoa(n + 1)
}

func TestApplyOfASwitch(t *testing.T) {
	taken := func(colour, intent string) func(*Snapshot) {
		return func(s *Snapshot) {
			points(colour)(s)
			s.Switch.Annotations = map[string]string{IntentAnnotation: intent}
			touch(s)
		}
	}
	meanwhile := func(change func(*Snapshot), until int) func(int, *Snapshot) *apierrors.StatusError {
		return func(n int, s *Snapshot) *apierrors.StatusError {
			if n <= until {
				change(s)
			}
			return nil
		}
	}
	answers := func(code int) func(int, *Snapshot) *apierrors.StatusError {
		return func(int, *Snapshot) *apierrors.StatusError { return refusedWith(code) }
	}
	annotate := func(s *Snapshot) { s.Switch.Annotations = map[string]string{"x": "y"}; touch(s) }
	tests := []struct {
		name string
		// before happened after the plan was made, onPatch between the read and the patch.
		before  func(*Snapshot)
		onPatch func(int, *Snapshot) *apierrors.StatusError
		// want is the result; empty stands for an error, after which Apply may be called again.
		want    Result
		why     string
		patches int
	}{
		{"lands", nil, nil, Landed, "the API server accepted shop.example/color=blue in the selector of Service shop/checkout", 1},
		{"lands after an unrelated edit", annotate, nil, Landed, "accepted", 1},
		{"lands when an unrelated edit comes in between", nil, meanwhile(annotate, 1), Landed, "accepted", 2},
		{"tries twice again", nil, meanwhile(touch, 2), Landed, "accepted", 3},
		{"and no more, but then calls it retryable", nil, meanwhile(touch, 9), "", "changed at every try, though in nothing that matters", 3},
		{"finds that it has landed before", taken("blue", "intent-1"), nil, Landed, "put there by this intent", 0},
		{"finds that it landed although the answer was lost", nil, meanwhile(taken("blue", "intent-1"), 1), Landed, "put there by this intent", 1},
		{"finds that it landed before and was switched again since", taken("green", "intent-1"), nil, Landed, "was switched again since", 0},
		{"finds that it landed although a third colour has the traffic", taken("red", "intent-1"), nil, Landed, "was switched again since", 0},
		{"is superseded if somebody else switched back", taken("blue", "intent-0"), nil, Superseded, "somebody else put it there", 0},
		{"also in between", nil, meanwhile(taken("blue", "intent-0"), 1), Superseded, "somebody else put it there", 1},
		{"is superseded when the rest of the selector changes", nil, meanwhile(func(s *Snapshot) { s.Switch.Selector["app"] = "payments"; touch(s) }, 1), Superseded,
			"the selector of Service shop/checkout was changed", 1},
		{"fails if the Service is gone", func(s *Snapshot) { s.Switch.ServiceUID = "" }, nil, Failed, "Service shop/checkout is gone", 0},
		{"fails if it goes in between", nil, meanwhile(func(s *Snapshot) { s.Switch.ServiceUID = "" }, 1), Failed, "is gone", 1},
		{"fails if it was made again", func(s *Snapshot) { s.Switch.ServiceUID = "another" }, nil, Failed, "is gone", 0},
		{"fails if it may not be patched", nil, answers(http.StatusForbidden), Failed, "unable to patch Service shop/checkout", 1},
		{"fails if an unchanged Service is refused", nil, answers(http.StatusUnprocessableEntity), Failed, "unable to patch", 1},
		{"may be tried again when the server is overloaded", nil, answers(http.StatusInternalServerError), "", "unable to patch", 1},
		{"may be tried again after a conflict", nil, answers(http.StatusConflict), "", "unable to patch", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv, cluster, p := serviceCluster(t)
			if tt.before != nil {
				tt.before(&srv.object)
			}
			srv.onPatch = tt.onPatch
			result, detail, err := cluster.Apply(t.Context(), p, "intent-1")
			if err != nil {
				detail = err.Error()
			}
			if result != tt.want || (err == nil) == (tt.want == "") || !strings.Contains(detail, tt.why) {
				t.Errorf("Apply = %q, %q, error: %v; want %q, %q", result, detail, err, tt.want, tt.why)
			}
			if srv.patches != tt.patches {
				t.Errorf("%d patches were sent, want %d", srv.patches, tt.patches)
			}
			if len(srv.paths) != 1 || !srv.paths["/api/v1/namespaces/shop/services/checkout"] {
				t.Errorf("asked for %v, want the Service alone", srv.paths)
			}
			if landed, err := cluster.Landed(t.Context(), p, "intent-1"); err != nil || landed != (tt.want == Landed) {
				t.Errorf("Landed = %v, %v", landed, err)
			}
		})
	}
}

func TestApplyOfASwitchWithoutTheServer(t *testing.T) {
	srv, cluster, p := serviceCluster(t)
	srv.onGet = func(int) *apierrors.StatusError { return refusedWith(http.StatusInternalServerError) }
	if result, _, err := cluster.Apply(t.Context(), p, "intent-1"); result != "" || err == nil {
		t.Errorf("Apply = %q, %v; want an error", result, err)
	}
	if _, err := cluster.Landed(t.Context(), p, "intent-1"); err == nil {
		t.Error("Landed answers although the Service could not be read")
	}
	srv.onGet = func(int) *apierrors.StatusError { return refusedWith(http.StatusForbidden) }
	if result, _, err := cluster.Apply(t.Context(), p, "intent-1"); result != Failed || err != nil {
		t.Errorf("Apply = %q, %v; want a failure, since the Service may not be read", result, err)
	}
	srv.onGet = func(n int) *apierrors.StatusError {
		if n == 1 {
			return nil
		}
		return refusedWith(http.StatusInternalServerError)
	}
	srv.gets, srv.onPatch = 0, func(int, *Snapshot) *apierrors.StatusError { return refusedWith(http.StatusUnprocessableEntity) }
	if result, _, err := cluster.Apply(t.Context(), p, "intent-1"); result != "" || err == nil {
		t.Errorf("Apply = %q, %v; want an error, since it is not known what the refusal means", result, err)
	}
}
