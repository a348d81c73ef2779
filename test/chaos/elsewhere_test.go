package chaos

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/localstack"
)

// elsewhere is a fault that is not made here, and the test that makes it.
type elsewhere struct{ fault, folder, test string }

func coveredElsewhere() []elsewhere {
	return []elsewhere{
		{"Prometheus gone", "test/e2e", "TestPrometheusOutageRollsNothingBack"},
		{"NATS restarted in mid-watch", "test/e2e", "TestNATSRestartInMidWatch"},
		{"NATS restarted while events come", "test/e2e", "TestNATSRestartLosesNoEvent"},
		{"NATS loses its consumer and its stream", "test/e2e", "TestDeletedConsumerAndStreamAreMadeAgain"},
		{"NATS loses the journal", "test/e2e", "TestDeletedJournalRollsNothingBack"},
		{"one fail-over at a time, with its times", "test/e2e", "TestFailOver"},
		{"killed around a down-migration", "test/e2e", "TestKilledAroundAMigration"},
		{"clock stepped at any moment, in the pure core", "internal/watch", "TestAnyHistoryOfASteppedClock"},
		{"machine asleep, in the lease's guard only", "internal/leader", "TestLeadByTheClock"},
		{"two processes with one watch, in memory, 500 times", "internal/watch", "TestRaces"},
	}
}

func printElsewhere(out io.Writer) {
	fmt.Fprintln(out, "Faults that other tests make")
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, e := range coveredElsewhere() {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", e.fault, e.test, e.folder)
	}
	w.Flush()
	fmt.Fprintln(out)
}

// What the tables say that other tests do, there are tests for.
func TestElsewhereIsThere(t *testing.T) {
	root, err := localstack.Root()
	require.NoError(t, err)
	for _, e := range coveredElsewhere() {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(e.folder), "*_test.go"))
		require.NoError(t, err)
		found := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			found = found || regexp.MustCompile(`(?m)^func `+e.test+`\(t `).Match(text)
		}
		require.True(t, found, "%s has no %s", e.folder, e.test)
	}
}
