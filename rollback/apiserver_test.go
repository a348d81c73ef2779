package rollback

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// server answers as an API server does that has one Deployment, and fails on demand in ways that a real one cannot be
// made to. What a real one does is for the end-to-end tests.
type server struct {
	t *testing.T

	mu     sync.Mutex
	object []byte
	// onPatch sees a patch before it is applied; if it returns a status, that is the answer.
	onPatch func(body []byte) *apierrors.StatusError
	// onGet does the same for a read, which is counted from 1.
	onGet func(n int) *apierrors.StatusError
	gets  int
	// queries are the queries of the patches.
	queries []string
}

// newServer serves a snapshot's Deployment; nil stands for none.
func newServer(t *testing.T, s *Snapshot) (*server, *Cluster) {
	t.Helper()
	srv := &server{t: t}
	if s != nil {
		srv.object = object(*s)
	}
	return srv, clusterOf(t, srv)
}

func clusterOf(t *testing.T, handler http.Handler) *Cluster {
	t.Helper()
	h := httptest.NewServer(handler)
	t.Cleanup(h.Close)
	client, err := dynamic.NewForConfig(&rest.Config{Host: h.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	return NewCluster(client, Options{Timeout: time.Hour}) // a busy machine makes no server a slow one
}

// set replaces the object, as if someone else had.
func (s *server) set(snapshot Snapshot) { s.object = object(snapshot) }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var status *apierrors.StatusError
	switch r.Method {
	case http.MethodGet:
		s.gets++
		if s.onGet != nil {
			status = s.onGet(s.gets)
		}
	case http.MethodPatch:
		status = s.patch(r)
	}
	if s.object == nil && status == nil {
		status = notFound()
	}
	if status != nil {
		writeJSON(w, int(status.ErrStatus.Code), status.ErrStatus)
		return
	}
	writeJSON(w, http.StatusOK, json.RawMessage(s.object))
}

func (s *server) patch(r *http.Request) *apierrors.StatusError {
	s.queries = append(s.queries, r.URL.RawQuery)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	if s.onPatch != nil {
		if status := s.onPatch(body); status != nil {
			return status
		}
	}
	patch, err := jsonpatch.DecodePatch(body)
	if err != nil {
		s.t.Errorf("the patch does not decode: %v", err)
		return nil
	}
	changed, err := patch.Apply(s.object)
	if err != nil {
		return answer(http.StatusUnprocessableEntity, err.Error())
	}
	s.object = changed
	return nil
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// A client that has given up cannot be written to; the test sees that by itself.
	_ = json.NewEncoder(w).Encode(body)
}

func notFound() *apierrors.StatusError {
	return withKind(apierrors.NewNotFound(schema.GroupResource{Group: "apps", Resource: "deployments"}, "checkout"))
}

func answer(code int, message string) *apierrors.StatusError {
	err := apierrors.NewGenericServerResponse(code, "", schema.GroupResource{}, "", message, 0, false)
	err.ErrStatus.Message = message
	return withKind(err)
}

func withKind(err *apierrors.StatusError) *apierrors.StatusError {
	err.ErrStatus.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	return err
}
