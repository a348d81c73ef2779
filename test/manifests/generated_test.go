package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// Whoever changes the chart, the configuration, a permission or a stream changes what follows from it: make manifests.
func TestGeneratedFilesAreNotStale(t *testing.T) {
	var made []string
	for _, step := range steps() {
		files, err := step(root)
		require.NoError(t, err)
		for name, content := range files {
			have, err := os.ReadFile(filepath.Join(root, name))
			require.NoError(t, err, "run make manifests")
			require.Equal(t, string(content), string(have), "%s is stale; run make manifests and look at the diff", name)
			made = append(made, filepath.FromSlash(name))
		}
	}
	for _, folder := range []string{"base", "watched", "monitoring"} {
		there, err := filepath.Glob(filepath.Join(root, kustomizeDir, folder, "*"))
		require.NoError(t, err)
		require.NotEmpty(t, there)
		for _, path := range there {
			name, err := filepath.Rel(root, path)
			require.NoError(t, err)
			require.True(t, slices.Contains(made, name), "%s is not made any more; remove it", name)
		}
	}
}

// Alerts and dashboard are written elsewhere; the chart must have the newest.
func TestChartHasTheMonitoringFiles(t *testing.T) {
	copies, err := monitoringFiles(root)
	require.NoError(t, err)
	there, err := filepath.Glob(filepath.Join(root, "deploy", "monitoring", "[a-z]*"))
	require.NoError(t, err)
	if len(there) == 0 {
		t.Skip("there are no monitoring files yet")
	}
	require.Len(t, copies, 2)
}
