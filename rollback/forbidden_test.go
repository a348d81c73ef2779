package rollback

import (
	"errors"
	"net/http"
	"testing"
)

// Only the API server's own refusal says that the caller may not; that of something in front of it may pass.
func TestIsForbidden(t *testing.T) {
	read := func(handler http.HandlerFunc) error {
		_, err := clusterOf(t, handler).Read(t.Context(), Workload{Namespace: "shop", Name: "checkout"}, nil)
		if err == nil {
			t.Fatal("it was read")
		}
		return err
	}
	status := func(code int) error {
		return read(func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, code, answer(code, "said the server").ErrStatus)
		})
	}
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"forbidden":           {status(http.StatusForbidden), true},
		"expired credentials": {status(http.StatusUnauthorized), false},
		"not there":           {status(http.StatusNotFound), false},
		"overloaded":          {status(http.StatusServiceUnavailable), false},
		"a proxy's": {read(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>forbidden</html>", http.StatusForbidden)
		}), false},
		"no answer":   {errors.New("connection refused"), false},
		"none at all": {nil, false},
	} {
		if got := IsForbidden(tc.err); got != tc.want {
			t.Errorf("%s (%v): got %v", name, tc.err, got)
		}
	}
}
