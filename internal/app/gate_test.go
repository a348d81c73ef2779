package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// everything is every port that changes something, and counts what reaches it.
type everything struct {
	watch.Journal
	watch.Store
	watch.Names
	calls int
}

func (e *everything) Append(context.Context, string, string, []byte, uint64) (uint64, error) {
	e.calls++
	return 1, nil
}
func (e *everything) Create(context.Context, string, []byte) error { e.calls++; return nil }
func (e *everything) Put(context.Context, string, []byte) error    { e.calls++; return nil }
func (e *everything) Claim(context.Context, string, string) (string, error) {
	e.calls++
	return "name", nil
}

// TestNothingIsChangedWhileTheGateIsShut: neither in NATS nor in the cluster. Reading goes on.
func TestNothingIsChangedWhileTheGateIsShut(t *testing.T) {
	shut := errors.New("the lease is lost")
	var why error
	may := func() error { return why }
	behind := &everything{}
	var methods []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { methods = append(methods, r.Method) }))
	t.Cleanup(server.Close)
	client := &http.Client{Transport: gatedTransport{gate: may, next: server.Client().Transport}}
	change := func() []error {
		_, appended := gatedJournal{behind, may}.Append(t.Context(), "k", "id", nil, 0)
		_, claimed := gatedNames{behind, may}.Claim(t.Context(), "base", "k")
		kept := gatedStore{behind, may}
		errs := []error{appended, claimed, kept.Create(t.Context(), "k", nil), kept.Put(t.Context(), "k", nil)}
		for _, method := range []string{http.MethodPatch, http.MethodPost, http.MethodPut, http.MethodDelete} {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL, strings.NewReader("{}"))
			require.NoError(t, err)
			resp, err := client.Do(r)
			if err == nil {
				require.NoError(t, resp.Body.Close())
			}
			errs = append(errs, err)
		}
		return errs
	}

	why = shut
	for _, err := range change() {
		require.ErrorIs(t, err, shut)
	}
	require.Zero(t, behind.calls)
	require.Empty(t, methods)
	resp, err := client.Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, []string{"GET"}, methods)

	why = nil
	require.NotContains(t, change(), shut)
	require.Equal(t, 4, behind.calls)
	require.Equal(t, []string{"GET", "PATCH", "POST", "PUT", "DELETE"}, methods)
}

// shutting is where holds are kept; the lease is lost while one is being stored.
type shutting struct {
	watch.Holds
	lose func()
}

func (s shutting) Put(context.Context, string, []byte) error { s.lose(); return nil }

// TestAHoldThatWasStoredAsTheLeaseWasLost is not called stored: the new leader has read the holds before.
func TestAHoldThatWasStoredAsTheLeaseWasLost(t *testing.T) {
	var why error
	lost := errors.New("the lease is lost")
	kept := gatedHolds{shutting{lose: func() { why = lost }}, func() error { return why }}
	require.ErrorIs(t, kept.Put(t.Context(), "k", nil), lost)
	kept.Holds = shutting{lose: func() {}}
	why = nil
	require.NoError(t, kept.Put(t.Context(), "k", nil))
}
