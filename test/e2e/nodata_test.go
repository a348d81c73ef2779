package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestNothingToMeasure: a release that fails, where Prometheus has nothing to tell: nobody calls it, or the policy
// names a metric or a label that is not there. It is never rolled back, and the record says what was asked in vain.
func TestNothingToMeasure(t *testing.T) {
	w := onStack(t)
	for _, c := range []struct {
		name string
		rps  int
		// requests and errors are the policy's selectors, empty for those that are right.
		requests, errors string
		// asked is what the query in the record holds.
		asked string
	}{
		{name: "traffic", asked: "http_requests_total{"},
		{name: "metric", rps: 60, requests: "http_reqests_total", errors: `http_reqests_total{code=~"5.."}`, asked: "http_reqests_total{"},
		{name: "label", rps: 60, requests: `http_requests_total{route="/"}`, errors: `http_requests_total{route="/",code=~"5.."}`, asked: `route="/"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDaemon(t, w, func(s *settings) {
				toItsEnd(s)
				if c.requests != "" {
					s.Requests, s.Errors = c.requests, c.errors
				}
			})
			s := newServiceWith(t, w, c.rps)

			s.deploy("v2", sampleapp.FailingThird())
			s.announce(d, "unmeasured", "v2")
			v := d.awaitState("unmeasured", 60*time.Second, watch.Inconclusive)

			require.Contains(t, []string{"NO_DATA", "INSUFFICIENT"}, string(v.Verdict))
			require.Empty(t, s.rollbacks())
			s.requireLive("v2")
			requireDeployLogSays(t, d, c.asked)
		})
	}
}
