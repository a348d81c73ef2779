// Package layout holds the code to the rule that keeps judging, acting and telling apart: the packages analyzer,
// rollback and notifier never import each other, not even by way of another package. Only internal/watch knows all
// three.
package layout

import (
	"fmt"
	"go/build"
	"io/fs"
	"path/filepath"
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
		dependencies[name] = dependenciesOf(t, name)
		require.Contains(t, dependencies[name], module+name)
	}
	require.Empty(t, violations(dependencies))
}

// dependenciesOf returns the module's packages that a package, those below it and their tests depend on, themselves
// included. It reads the sources by itself, because go test would take a result from its cache that rests on the output of go list.
func dependenciesOf(t *testing.T, name string) []string {
	t.Helper()
	reached := below(t, name)
	roots := len(reached)
	for i := 0; i < len(reached); i++ {
		dir := filepath.Join("..", "..", filepath.FromSlash(strings.TrimPrefix(reached[i], module)))
		sources, err := build.ImportDir(dir, 0)
		require.NoError(t, err)
		imports := sources.Imports
		if i < roots {
			imports = slices.Concat(imports, sources.TestImports, sources.XTestImports)
		}
		for _, path := range imports {
			if strings.HasPrefix(path, module) && !slices.Contains(reached, path) {
				reached = append(reached, path)
			}
		}
	}
	return reached
}

// below returns the package and those below it.
func below(t *testing.T, name string) []string {
	t.Helper()
	root := filepath.Join("..", "..")
	var packages []string
	err := filepath.WalkDir(filepath.Join(root, name), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if _, err := build.ImportDir(path, 0); err != nil {
			return nil // a folder without Go files
		}
		relative, err := filepath.Rel(root, path)
		packages = append(packages, module+filepath.ToSlash(relative))
		return err
	})
	require.NoError(t, err)
	return packages
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

// within reports whether a package is the named one or below it.
func within(name, path string) bool {
	return path == module+name || strings.HasPrefix(path, module+name+"/")
}

func TestRuleCanBeBroken(t *testing.T) {
	broken := map[string][]string{
		"analyzer": {"fmt", module + "internal/event", module + "rollback", module + "analyzer"},
		"rollback": {module + "notifier/mail", module + "analyzers"},
		"notifier": {"time", module + "notifier"},
	}
	found := violations(broken)
	require.Len(t, found, 2)
	require.Contains(t, found[0], "analyzer imports rollback")
	require.Contains(t, found[1], "rollback imports notifier")
}
