package serve_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/test/history/serve"
)

func TestServerIsGoneAfterStop(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := serve.Start(ctx, t.TempDir())
	require.NoError(t, err)
	response, err := http.Get(s.URL + "/api/v1/query?query=1")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.NoError(t, s.Stop())
	require.NoError(t, s.Stop(), "a second time")
	_, err = http.Get(s.URL)
	require.Error(t, err)
}

func TestFailureShowsTheLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "no-folder")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := serve.Start(ctx, file)
	require.ErrorContains(t, err, "ended before it was ready")
	require.ErrorContains(t, err, "not a directory")
}
