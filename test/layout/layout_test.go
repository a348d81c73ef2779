// Package layout holds the code to the rule that keeps judging, acting and telling apart: the packages analyzer,
// rollback and notifier never import each other, not even by way of another package. Only internal/watch knows all
// three.
package layout

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/rollbackd/rollbackd/"

// apart are the packages that must not depend on each other, with all that is below them.
func apart() []string { return []string{"analyzer", "rollback", "notifier"} }

func TestAnalyzerRollbackAndNotifierNeverImportEachOther(t *testing.T) {
	dependencies := map[string][]string{}
	for _, name := range apart() {
		command := exec.Command("go", "list", "-deps", "-test", module+name+"/...")
		output, err := command.CombinedOutput()
		require.NoError(t, err, "%s", output)
		dependencies[name] = strings.Split(string(output), "\n")
	}
	require.Empty(t, violations(dependencies))
}

// violations says which of the packages that must be apart depend on each other.
func violations(dependencies map[string][]string) []string {
	var found []string
	for _, name := range apart() {
		for _, other := range apart() {
			if other != name && slices.ContainsFunc(dependencies[name], func(d string) bool { return within(other, d) }) {
				found = append(found, fmt.Sprintf("%s imports %s, directly or through another package: let internal/watch know both, or move what they share", name, other))
			}
		}
	}
	return found
}

// within reports whether a line of go list is the package or one below it; the line may go on with a test's name.
func within(name, line string) bool {
	path, _, _ := strings.Cut(line, " ")
	return path == module+name || strings.HasPrefix(path, module+name+"/")
}

func TestRuleCanBeBroken(t *testing.T) {
	broken := map[string][]string{
		"analyzer": {"fmt", module + "internal/event", module + "rollback", module + "analyzer"},
		"rollback": {module + "notifier/mail [" + module + "rollback.test]", module + "analyzers"},
		"notifier": {"time", module + "notifier"},
	}
	found := violations(broken)
	require.Len(t, found, 2)
	require.Contains(t, found[0], "analyzer imports rollback")
	require.Contains(t, found[1], "rollback imports notifier")
}
