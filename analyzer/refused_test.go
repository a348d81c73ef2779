package analyzer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/promtest"
)

// What a real Prometheus refuses is told from what it cannot answer now.
func TestRefusalsOfARealPrometheus(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the stack's Prometheus; run without -short")
	}
	server := promtest.Start(t, "global: {scrape_interval: 1s}\n")
	for query, want := range map[string][2]bool{
		`up[`: {true, true},
		`label_replace(vector(1), "x", "$1", "job", "(")`: {true, false}, // it is read, and cannot be evaluated
		`up[1m]`: {false, false},
	} {
		_, err := server.API.Samples(t.Context(), query, time.Now(), func(*model.SampleStream) {})
		require.Equal(t, want, [2]bool{analyzer.Refused(err), analyzer.Unreadable(err)}, "%s: %v", query, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := server.API.Samples(ended, `up[1m]`, time.Now(), func(*model.SampleStream) {})
	require.Error(t, err)
	require.False(t, analyzer.Refused(err))
	for _, err := range []error{nil, errors.New("connection refused"), &v1.Error{Type: v1.ErrTimeout}, &v1.Error{Type: v1.ErrServer}, &v1.Error{Type: v1.ErrClient}} {
		require.False(t, analyzer.Refused(err), "%v", err)
	}
	require.True(t, analyzer.Refused(fmt.Errorf("signal: %w", &v1.Error{Type: v1.ErrExec})))
}
