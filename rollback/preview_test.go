package rollback

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func TestPreview(t *testing.T) {
	tests := []struct {
		name string
		// since is what happened between the plan and its preview, serve makes the server answer otherwise.
		since     func(*Snapshot)
		serve     func(*server)
		objection string
		// err is part of the error; with it nothing is known.
		err string
	}{
		{"the API server has no objection", nil, nil, "", ""},
		{"an admission policy has", nil, onPatch(answer(http.StatusUnprocessableEntity, "no rollbacks on Fridays")), "no rollbacks on Fridays", ""},
		{"an admission webhook has", nil, onPatch(answer(http.StatusForbidden, `admission webhook "w" denied the request: frozen`)), "frozen", ""},
		{"its words cannot act on a terminal", nil, onPatch(answer(http.StatusForbidden, "no\x1b[2J\nyes")), `no\x1b[2J\nyes`, ""},
		{"the permission to patch is missing", nil, onPatch(forbidden("patch")), `cannot patch resource "deployments"`, ""},
		{"somebody deployed something else", func(s *Snapshot) { s.Template = podSpec("v4") }, nil, "now runs revision 3", ""},
		{"somebody put the target back", func(s *Snapshot) { s.Template = podSpec("v2") }, nil, "somebody else put it there", ""},
		{"the workload is gone", nil, func(s *server) { s.object = nil }, "the workload is gone", ""},
		{"a webhook has side effects", nil, onPatch(answer(http.StatusBadRequest, `admission webhook "w" does not support dry run`)), "", ErrNoDryRun.Error()},
		{"the server is overloaded", nil, onPatch(answer(http.StatusTooManyRequests, "slow down")), "", "slow down"},
		{"the read is forbidden", nil, func(s *server) { s.onGet = func(int) *apierrors.StatusError { return forbidden("get") } }, "", `cannot get resource "deployments"`},
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
			objection, err := cluster.Preview(t.Context(), p)
			if !strings.Contains(objection, tt.objection) || (tt.objection == "") != (objection == "") || (tt.err != "") != (err != nil) {
				t.Fatalf("Preview = %q, %v; want %q, %q", objection, err, tt.objection, tt.err)
			}
			if err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("the error is %q, want %q in it", err, tt.err)
			}
			if strings.ContainsAny(objection, "\x1b\n") {
				t.Errorf("the objection can act on a terminal: %q", objection)
			}
			for _, query := range srv.queries {
				if query != "dryRun=All&fieldManager="+FieldManager {
					t.Errorf("patched with %q", query)
				}
			}
		})
	}
}

func TestPreviewOfAServerThatIsAwayIsUnknown(t *testing.T) {
	pin, s := pinned()
	p, _ := MakePlan(pin, s, false)
	_, cluster := newServer(t, &s)
	cluster.options.Timeout = 1
	if objection, err := cluster.Preview(t.Context(), p); objection != "" || err == nil || errors.Is(err, ErrNoDryRun) {
		t.Errorf("Preview = %q, %v; want an error", objection, err)
	}
}
