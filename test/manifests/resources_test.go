package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
)

// What the chart asks for follows from what a daemon was measured to take: the requests are enough for 400 watches, and the limit leaves a fourth above the most that
// 1,000 ever took.
func TestRequestsAndLimitsFollowFromMeasurements(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "scale.md"))
	require.NoError(t, err)
	require.Contains(t, string(page), "| | 400 watches | 1000 watches |", "other numbers of watches were measured; choose the resources anew")
	measured := func(row, unit string) (four, thousand float64) {
		t.Helper()
		found := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(row) + ` \| ([\d.]+) ` + unit + ` \| ([\d.]+) ` + unit + ` \|$`).FindStringSubmatch(string(page))
		require.NotNil(t, found, row)
		four, err := strconv.ParseFloat(found[1], 64)
		require.NoError(t, err)
		thousand, err = strconv.ParseFloat(found[2], 64)
		require.NoError(t, err)
		return four, thousand
	}
	resources := container(t, one(t, rendered(t, nil), "Deployment"))
	asked := func(kind, name string) float64 {
		quantity, err := resource.ParseQuantity(text(resources, "resources", kind, name))
		require.NoError(t, err)
		return quantity.AsApproximateFloat64()
	}
	const mebibyte = 1 << 20
	four, _ := measured("after two minutes of ticks", "MiB")
	require.GreaterOrEqual(t, asked("requests", "memory")/mebibyte, four)
	_, most := measured("the most that it ever was", "MiB")
	require.GreaterOrEqual(t, asked("limits", "memory")/mebibyte, most*1.25)
	cpu, _ := measured("CPU of the daemon for each 15 s of ticks", "s")
	require.GreaterOrEqual(t, asked("requests", "cpu"), cpu/15)
	require.NotContains(t, resources.table("resources", "limits"), "cpu")

	install, err := os.ReadFile(filepath.Join(root, "docs", "install.md"))
	require.NoError(t, err)
	for row, unit := range map[string]string{"after two minutes of ticks": "MiB", "the most that it ever was": "MiB"} {
		four, thousand := measured(row, unit)
		for watches, figure := range map[string]float64{"| 400 |": four, "| 1,000 |": thousand} {
			at := strings.Index(string(install), watches)
			require.Positive(t, at)
			line, _, _ := strings.Cut(string(install)[at:], "\n")
			require.Contains(t, line, strconv.FormatFloat(figure, 'f', -1, 64)+" MiB", "docs/install.md tells other figures than docs/scale.md")
		}
	}
}
