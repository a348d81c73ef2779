package watch

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheDocumentedStatesAreThose: the diagram in docs/concepts.md shows every change of state, and no other. That a person may abort
// a watch stands beside it.
func TestTheDocumentedStatesAreThose(t *testing.T) {
	text, err := os.ReadFile("../../docs/concepts.md")
	require.NoError(t, err)
	_, diagram, found := strings.Cut(string(text), "stateDiagram-v2\n")
	require.True(t, found)
	diagram, _, _ = strings.Cut(diagram, "```")
	documented := map[State][]State{}
	ends := []State{Aborted}
	for _, arrow := range regexp.MustCompile(`(?m)^  (\w+) --> (\w+|\[\*\])`).FindAllStringSubmatch(diagram, -1) {
		from, to := State(arrow[1]), State(arrow[2])
		if to == "[*]" {
			ends = append(ends, from)
			continue
		}
		documented[from] = append(documented[from], to)
	}
	for from, to := range transitions() {
		if from.CanBecome(Aborted) {
			documented[from] = append(documented[from], Aborted)
		}
		require.ElementsMatch(t, to, documented[from], "from %s", from)
		delete(documented, from)
	}
	require.Empty(t, documented)
	for _, end := range ends {
		require.True(t, end.Final(), end)
	}
}
