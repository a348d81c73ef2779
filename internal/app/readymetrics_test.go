package app

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func TestReadinessIsAMetric(t *testing.T) {
	const head = `
# HELP rollbackd_ready 1 for each part of what the daemon needs that is there, else 0, as /-/ready answers. The part startup is ready once the daemon has read what it knows.
# TYPE rollbackd_ready gauge
`
	g := &readyGauge{}
	require.NoError(t, testutil.CollectAndCompare(g, strings.NewReader(head+`rollbackd_ready{part="startup"} 0
`)))
	r := newReadiness(map[string]check{"nats": nil, "prometheus": nil})
	r.probe(t.Context(), "nats", func(context.Context) error { return nil })
	r.probe(t.Context(), "prometheus", func(context.Context) error { return errors.New("away") })
	g.become(r)
	require.NoError(t, testutil.CollectAndCompare(g, strings.NewReader(head+`rollbackd_ready{part="nats"} 1
rollbackd_ready{part="prometheus"} 0
rollbackd_ready{part="startup"} 1
`)))
}
