package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
)

// workflow is what matters of a workflow of GitHub Actions for what it may do.
type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Steps       []struct {
			Uses string
			Run  string
			With map[string]any
		}
	}
}

// TestWorkflowsMayDoLittle: actions are pinned by commit, with the version beside it; a job may read and nothing else, but for the one that
// makes a release; the checkout leaves no token behind; and no text of others is pasted into a script.
func TestWorkflowsMayDoLittle(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yml"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 2)
	files = append(files, filepath.Join(root, "docs/snippets/github-actions/deploy.yaml"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Empty(t, unsafe(t, string(text)), file)
	}
}

func unsafe(t *testing.T, text string) []string {
	t.Helper()
	var w workflow
	require.NoError(t, yaml.Unmarshal([]byte(text), &w))
	var wrong []string
	if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
		wrong = append(wrong, "its permissions are not contents: read")
	}
	for _, line := range regexp.MustCompile(`(?m)uses:.*$`).FindAllString(text, -1) {
		if !regexp.MustCompile(`^uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`).MatchString(line) {
			wrong = append(wrong, line+" is not pinned by commit, with its version behind #")
		}
	}
	for name, job := range w.Jobs {
		if job.Permissions != nil && name != "release" {
			wrong = append(wrong, "the job "+name+" has permissions of its own")
		}
		for _, step := range job.Steps {
			if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != false {
				wrong = append(wrong, "the job "+name+" leaves its token in the checkout")
			}
			if strings.Contains(step.Run, "${{") {
				wrong = append(wrong, "the job "+name+" has an expression in a script; hand it over by env")
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

func TestUnsafeWorkflowsAreFound(t *testing.T) {
	require.Equal(t, []string{
		"its permissions are not contents: read",
		"the job test has an expression in a script; hand it over by env",
		"the job test has permissions of its own",
		"the job test leaves its token in the checkout",
		"uses: actions/checkout@v6 is not pinned by commit, with its version behind #",
	}, unsafe(t, `
permissions: {contents: write}
jobs:
  test:
    permissions: {packages: write}
    steps:
    - uses: actions/checkout@v6
    - run: echo ${{ github.event.pull_request.title }}
`))
}
