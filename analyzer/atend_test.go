package analyzer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A watch that ends in a minute without requests ends as what it showed before.
func TestALullAtTheEndUndoesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		ticks []Counts
		want  Verdict
		says  string
	}{
		"after enough":                   {[]Counts{{N: 60}, {N: 60}, {}, {}, {}, {}, {}}, Healthy, "no request was counted in the last 1m0s, and nothing that was counted before speaks against the release"},
		"after a failure that is chance": {[]Counts{{N: 600}, {N: 600}, {N: 3, K: 1}, {}, {}, {}, {}}, Healthy, "speaks against the release"},
		"after too few":                  {[]Counts{{N: 60}, {N: 30}, {}, {}, {}, {}, {}}, Insufficient, "90 requests were counted so far"},
		"after nothing":                  {[]Counts{{}, {}, {}}, Insufficient, "0 requests"},
		"while a breach is not over":     {[]Counts{{N: 60}, {N: 60}, {N: 60, K: 30}, {N: 1, K: 1}, {}, {}, {}, {}, {}}, Insufficient, "no request was counted"},
	} {
		t.Run(name, func(t *testing.T) {
			sig := Signal{Name: "errors", Kind: KindErrorRate, Scrape: 15 * time.Second, Rule: rule}
			var st State
			var j Judgement
			for i, counts := range c.ticks {
				st, j = Step(Rules{Signals: []Signal{sig}}, map[string]Baseline{"errors": {Counts: Counts{N: 4000, K: 40}}}, st, Tick{
					From: second(15 * i), At: second(15 * (i + 1)),
					Signals: map[string]Measurement{"errors": {Samples: 1, Pods: map[string]Counts{"a": counts}}},
				})
			}
			got, reason := j.AtEnd()
			require.Equal(t, c.want, got, reason)
			require.Contains(t, reason, c.says)
		})
	}
}
