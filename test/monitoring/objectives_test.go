package monitoring

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// objectivesCanBeMeasured: what docs/monitoring.md measures objectives by are questions that Prometheus takes, about metrics that exist.
func objectivesCanBeMeasured(t *testing.T, d *scraped) {
	text, err := os.ReadFile(filepath.Join(documents, "monitoring.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## Objectives\n")
	require.True(t, found)
	families, err := d.families()
	require.NoError(t, err)
	measured := regexp.MustCompile("(?m)^\\| .* \\| `(.+)` \\|$").FindAllStringSubmatch(section, -1)
	require.GreaterOrEqual(t, len(measured), 5)
	for _, m := range measured {
		expr := strings.ReplaceAll(m[1], `\|`, "|")
		_, _, _, err := d.API.Query(t.Context(), expr, time.Now())
		require.NoError(t, err, expr)
		for _, asked := range selectors(t, expr) {
			name := regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(nameOf(asked), "")
			require.Contains(t, families, name, expr)
		}
	}
}
