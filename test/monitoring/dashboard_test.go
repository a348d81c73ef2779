package monitoring

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/promtest"
)

// board is what is looked at of a dashboard.
type board struct {
	UID           *string
	Title         string
	SchemaVersion int
	Templating    struct {
		List []struct{ Type, Name, Query any }
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ Type, UID string }
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []struct {
		Expr, LegendFormat string
		Datasource         struct{ UID string }
	}
}

func dashboard(t *testing.T) board {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "dashboard.json"))
	require.NoError(t, err)
	var b board
	require.NoError(t, json.Unmarshal(text, &b))
	require.NotEmpty(t, b.Panels)
	return b
}

func TestDashboardIsOneThatPeopleCanReadAndImport(t *testing.T) {
	b := dashboard(t)
	require.Nil(t, b.UID, "a fixed uid would overwrite another's dashboard")
	require.GreaterOrEqual(t, b.SchemaVersion, 41)
	require.True(t, slices.ContainsFunc(b.Templating.List, func(v struct{ Type, Name, Query any }) bool {
		return v.Type == "datasource" && v.Name == "datasource" && v.Query == "prometheus"
	}), "the data source is chosen by a variable")
	ids, rows := map[int]bool{}, []string{}
	for _, p := range b.Panels {
		require.False(t, ids[p.ID], "two panels have the id %d", p.ID)
		ids[p.ID] = true
		require.NotEmpty(t, p.Title)
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		require.NotEmpty(t, p.Description, p.Title)
		require.NotEmpty(t, p.FieldConfig.Defaults.Unit, p.Title)
		require.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
		for _, q := range p.Targets {
			require.Equal(t, "${datasource}", q.Datasource.UID, p.Title)
			require.Contains(t, q.Expr, `job=~"$job"`, p.Title)
		}
	}
	require.Equal(t, []string{"Health", "Watches", "Decisions", "Telling", "Prometheus, API server and journal", "Resources"}, rows)
}

// dashboardHasAnswers asks the Prometheus that scrapes the daemon every question of the dashboard.
func dashboardHasAnswers(t *testing.T, d *scraped) {
	for _, p := range dashboard(t).Panels {
		for _, q := range p.Targets {
			expr := strings.NewReplacer("$job", ".*", "$__rate_interval", "30s").Replace(q.Expr)
			promtest.Eventually(t, p.Title+": "+expr, func(ctx context.Context) error {
				value, _, _, err := d.API.Query(ctx, expr, time.Now())
				if err != nil {
					return err
				}
				found := value.(model.Vector)
				if len(found) == 0 {
					return fmt.Errorf("no answer")
				}
				for _, label := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(q.LegendFormat, -1) {
					if _, ok := found[0].Metric[model.LabelName(label[1])]; !ok {
						return fmt.Errorf("the legend shows %s, which the answer does not have", label[1])
					}
				}
				return nil
			})
		}
	}
}

// permissionMissing has series only where a permission is missing, which the tests of internal/app see to.
const permissionMissing = "rollbackd_permission_missing"

// alertsAskForWhatExists: an alert on a metric that nobody shows would be silent for ever.
func alertsAskForWhatExists(t *testing.T, d *scraped) {
	families, err := d.families()
	require.NoError(t, err)
	for _, a := range alerts(t) {
		asked := selectors(t, a.Expr)
		require.NotEmpty(t, asked, a.Alert)
		for _, matchers := range asked {
			name := nameOf(matchers)
			if name == permissionMissing {
				continue
			}
			family := families[regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")]
			require.NotNil(t, family, "%s asks for %s", a.Alert, name)
			selector := matcherText(matchers)
			promtest.Eventually(t, a.Alert+": "+selector, func(ctx context.Context) error {
				value, _, _, err := d.API.Query(ctx, selector, time.Now())
				if err == nil && len(value.(model.Vector)) == 0 {
					err = fmt.Errorf("nothing has these labels")
				}
				return err
			})
		}
	}
}

// selectors are what an expression asks for.
func selectors(t *testing.T, expr string) [][]*labels.Matcher {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	require.NoError(t, err)
	return parser.ExtractSelectors(parsed)
}

func nameOf(matchers []*labels.Matcher) string {
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel {
			return m.Value
		}
	}
	return ""
}

func matcherText(matchers []*labels.Matcher) string {
	var parts []string
	for _, m := range matchers {
		parts = append(parts, m.String())
	}
	return "{" + strings.Join(parts, ",") + "}"
}
