package monitoring

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/promtest"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

// TestLiveDaemon shares one daemon between all tests that need one.
func TestLiveDaemon(t *testing.T) {
	d := startScraped(t)
	t.Run("NamesFollowTheConventions", func(t *testing.T) { namesFollowTheConventions(t, d) })
	t.Run("TheDocumentationIsNotStale", func(t *testing.T) { documentationIsNotStale(t, d) })
	t.Run("AlertsAskForWhatExists", func(t *testing.T) { alertsAskForWhatExists(t, d) })
	t.Run("DashboardHasAnswers", func(t *testing.T) { dashboardHasAnswers(t, d) })
	t.Run("ObjectivesCanBeMeasured", func(t *testing.T) { objectivesCanBeMeasured(t, d) })
	t.Run("AnEventIsCounted", func(t *testing.T) { anEventIsCounted(t, d) })
}

func namesFollowTheConventions(t *testing.T, d *scraped) {
	text, err := d.text()
	require.NoError(t, err)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	require.NoError(t, err)
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "rollbackd_") { // those of Go and of the process are not ours to name
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// documentationIsNotStale: whoever adds a metric runs make docs.
func documentationIsNotStale(t *testing.T, d *scraped) {
	families, err := d.families()
	require.NoError(t, err)
	want, path := reference(families), filepath.Join(documents, "metrics.md")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(have), "docs/metrics.md is stale; run make docs and look at the diff")
}

const introduction = `# Metrics

All metrics that rollbackd shows at ` + "`/metrics`" + `, as a running daemon tells them; those of the Go runtime (` + "`go_*`" + `) and of the process
(` + "`process_*`" + `) are Prometheus' own. [monitoring.md](monitoring.md) says which of them to look at, [alerts.md](alerts.md) which to be woken by.

No metric has a label for a watch, a version or a pod, so that the number of series does not grow with deployments. Labels have few values: states,
results, codes, and the names of sinks that are configured. The one exception is ` + "`rollbackd_budget_used`" + `, which has one series for each namespace in which
something was rolled back lately. What the alerts count exists at zero from the start, so that ` + "`increase()`" + ` sees the first of each.

Durations are histograms with buckets. A Prometheus that scrapes native histograms gets these as well, and then leaves out the buckets unless
` + "`always_scrape_classic_histograms`" + ` is set; the alerts and the dashboard use the buckets.

| metric | type | labels | meaning |
|---|---|---|---|
`

// reference is the text of docs/metrics.md.
func reference(families map[string]*dto.MetricFamily) string {
	out := &strings.Builder{}
	out.WriteString(introduction)
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if !strings.HasPrefix(name, "rollbackd_") {
			continue
		}
		f := families[name]
		labels := map[string]bool{}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels["`"+l.GetName()+"`"] = true
			}
		}
		list := strings.Join(slices.Sorted(maps.Keys(labels)), ", ")
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()), cmp.Or(list, "–"), strings.ReplaceAll(f.GetHelp(), "|", `\|`))
	}
	return out.String()
}

// anEventIsCounted: from the publisher to what Prometheus has.
func anEventIsCounted(t *testing.T, d *scraped) {
	d.publish(t, map[string]any{"timestamp": time.Now().UTC().Format(time.RFC3339), "environment": "production", "namespace": "shop", "workload": "checkout"})
	promtest.Eventually(t, "the refusal is in Prometheus", func(ctx context.Context) error {
		value, _, _, err := d.API.Query(ctx, `increase(rollbackd_events_total{result="rejected", code="missing-field"}[1m])`, time.Now())
		if err != nil {
			return err
		}
		if v := value.(model.Vector); len(v) != 1 || v[0].Value <= 0 {
			return fmt.Errorf("it has %s", value)
		}
		return nil
	})
	promtest.Eventually(t, "nothing waits", func(ctx context.Context) error {
		value, _, _, err := d.API.Query(ctx, `rollbackd_events_pending + rollbackd_events_unsettled`, time.Now())
		if err != nil {
			return err
		}
		if v := value.(model.Vector); len(v) != 1 || v[0].Value != 0 {
			return fmt.Errorf("it has %s", value)
		}
		return nil
	})
}
