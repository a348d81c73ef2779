package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/drill"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/report"
	"github.com/rollbackd/rollbackd/rollback"
)

// TestDrillOfAStatefulSet: the bad version replaces the pods one by one under the names of the old ones, and is taken back all the same. What the
// drill came to is in its record and in the report.
func TestDrillOfAStatefulSet(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { staging(s); s.Features = "statefulSets" })
	s := newSet(t, w, event.KindStatefulSet)
	s.awaitBaseline()
	eventually(t, time.Minute, func() (bool, string) { // the daemon refuses until the pods have served for long enough
		r := s.drill(d, "--kind", "StatefulSet")
		r.wait(20 * time.Second)
		return strings.Contains(r.errors.String(), "nobody agreed"), r.errors.String()
	})

	r := s.drill(d, "--kind", "StatefulSet", "--yes", "-o", "json", "--detect-within", "3m", "--recover-within", "5m")
	code := r.wait(4 * time.Minute)
	t.Log(r.errors.String(), r.out.String())
	require.Zero(t, code)
	var result drill.Result
	require.NoError(t, json.Unmarshal(r.out.Bytes(), &result))
	require.True(t, result.Passed)
	require.Equal(t, drill.ByRollbackd, result.RestoredBy)
	require.Equal(t, "StatefulSet", result.Kind)
	require.Empty(t, result.Unrecorded)
	snapshot := s.read(newCluster(t, w))
	require.Empty(t, snapshot.Drill(), rollback.DrillAnnotation)
	require.Len(t, s.patches(), 1)
	requireDrilled(t, d, result)
}

// requireDrilled: the record of a drill that was passed and the report say so.
func requireDrilled(t *testing.T, d *daemon, result drill.Result) {
	t.Helper()
	eventually(t, 10*time.Second, func() (bool, string) {
		text, err := os.ReadFile(filepath.Join(d.Dir, "artifacts", "integration", result.Record, "timeline.md"))
		if err != nil {
			return false, err.Error()
		}
		return strings.Contains(string(text), "Drill **passed**: found to be bad after "), string(text)
	})
	eventually(t, 10*time.Second, func() (bool, string) {
		_, out, problems := d.ctl("report", "--env", "staging", "--namespace", result.Namespace, "-o", "json")
		var r report.Report
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			return false, err.Error() + problems
		}
		for _, carried := range r.Drills {
			if carried.Record == result.Record {
				return carried.Passed != nil && *carried.Passed && carried.By == "ana" && r.Rehearsals.Passed > 0, out
			}
		}
		return false, out
	})
}
