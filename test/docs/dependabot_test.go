package docs

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
)

// TestEveryModuleIsKeptUpToDate: each Go module of the repository, and its actions, are listed where updates are proposed.
func TestEveryModuleIsKeptUpToDate(t *testing.T) {
	listing := exec.CommandContext(t.Context(), "git", "ls-files", "-co", "--exclude-standard", "go.mod", "*/go.mod")
	listing.Dir = root
	listed, err := listing.Output()
	require.NoError(t, err)
	var modules []string
	for _, file := range strings.Fields(string(listed)) {
		modules = append(modules, path.Join("/", path.Dir(file)))
	}
	require.Contains(t, modules, "/")
	text, err := os.ReadFile(filepath.Join(root, ".github/dependabot.yml"))
	require.NoError(t, err)
	require.Empty(t, unlisted(t, string(text), modules))

	require.Equal(t, []string{"gomod: /other is not listed"}, unlisted(t, string(text), append(modules, "/other")), "a new module is missed")
	require.Equal(t, []string{"gomod: /tools is listed and is no module"}, unlisted(t, string(text), slices.DeleteFunc(slices.Clone(modules), func(m string) bool { return m == "/tools" })))
	require.Equal(t, []string{"github-actions: / is not listed"}, unlisted(t, strings.Replace(string(text), "github-actions", "docker", 1), modules))
}

// unlisted says what a configuration of Dependabot leaves out.
func unlisted(t *testing.T, text string, modules []string) (wrong []string) {
	t.Helper()
	var d struct {
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directory   string
			Directories []string
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &d))
	have := map[string][]string{}
	for _, u := range d.Updates {
		have[u.Ecosystem] = append(have[u.Ecosystem], u.Directories...)
		if u.Directory != "" {
			have[u.Ecosystem] = append(have[u.Ecosystem], u.Directory)
		}
	}
	for _, m := range modules {
		if !slices.Contains(have["gomod"], m) {
			wrong = append(wrong, "gomod: "+m+" is not listed")
		}
	}
	for _, m := range have["gomod"] {
		if !slices.Contains(modules, m) {
			wrong = append(wrong, "gomod: "+m+" is listed and is no module")
		}
	}
	if !slices.Contains(have["github-actions"], "/") {
		wrong = append(wrong, "github-actions: / is not listed")
	}
	return wrong
}
