package judge

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/backtest"
	"github.com/rollbackd/rollbackd/test/recorded/recording"
)

func recorded(t *testing.T) recording.Recording {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the stack's Prometheus; run without -short")
	}
	r, err := recording.ReadFile("../traffic.gz")
	require.NoError(t, err)
	return r
}

// Real traffic at times at which nothing was deployed: no half of the pods is rolled back, and nothing at all but for what plain
// counting finds to be an incident too.
func TestPlacebosOnRecordedTraffic(t *testing.T) {
	t.Parallel()
	r := recorded(t)
	works, err := Placebos(t.Context(), r, Options{PerWorkload: 6, Watch: time.Hour, Seed: 1})
	require.NoError(t, err)
	require.Len(t, works, 2)
	for _, w := range works {
		incidents := ReadingOf(w.Name).Incidents(r)
		for _, o := range w.Outcomes {
			if o.Verdict == analyzer.Regressed && (o.Compared == backtest.HalfOfPods || !During(r, o, incidents)) {
				t.Errorf("%s %s %s: %s", w.Name, o.ID, o.Compared, o.Reason)
			}
		}
		before := w.Summary.Comparisons[0]
		require.Equal(t, 6, before.Placebos)
		require.Positive(t, before.Healthy, "%+v", before)
	}
	require.Positive(t, works[0].Summary.Comparisons[1].Healthy, "halves of the service's pods are compared")
	require.Equal(t, 6, works[1].Summary.Comparisons[1].Indivisible, "the API server has one process")
}

// The same with failures put into one half's pods: a sixth of what they answered well in the last third of the time.
func TestFailuresOfSomePodsInRecordedTrafficAreFound(t *testing.T) {
	t.Parallel()
	r := recorded(t)
	works, err := Placebos(t.Context(), failing(r), Options{PerWorkload: 12, Watch: time.Hour, Seed: 1})
	require.NoError(t, err)
	halves := works[0].Summary.Comparisons[1]
	require.Positive(t, halves.RolledBack, "%+v", halves)
	require.Contains(t, works[0].Summary.Sentences()[1], "Look at each")
}

// failing moves a sixth of what two of the pods answered with 200 after two thirds of the time to another 5xx.
func failing(r recording.Recording) recording.Recording {
	from, to := r.Span()
	onset := from.Add(to.Sub(from) * 2 / 3).UnixMilli()
	out := recording.Recording{}
	for _, s := range r.Series {
		ill := strings.HasSuffix(s.Labels["pod"], "-5wq2k") || strings.HasSuffix(s.Labels["pod"], "-dn7vx")
		if s.Labels["__name__"] != "http_requests_total" || s.Labels["code"] != "200" || !ill {
			out.Series = append(out.Series, s)
			continue
		}
		good := recording.Series{Labels: s.Labels}
		bad := recording.Series{Labels: maps.Clone(s.Labels)}
		bad.Labels["code"] = "599"
		moved := int64(0)
		for i, sample := range s.Samples {
			if i > 0 && sample.T > onset {
				moved += (sample.V-s.Samples[0].V)/6 - (s.Samples[i-1].V-s.Samples[0].V)/6
			}
			good.Samples = append(good.Samples, recording.Sample{T: sample.T, V: sample.V - moved})
			bad.Samples = append(bad.Samples, recording.Sample{T: sample.T, V: moved})
		}
		out.Series = append(out.Series, good, bad)
	}
	return out
}
