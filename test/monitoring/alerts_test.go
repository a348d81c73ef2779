// Package monitoring tests what deploy/monitoring has for those who operate the daemon, against a daemon that runs and a Prometheus that
// scrapes it: that alerts fire when they should, that what they and the dashboard ask for exists, and that the documentation is true.
package monitoring

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/rollbackd/rollbackd/internal/promtest"
)

// folder has the files that are tested, documents the documentation of them.
const (
	folder    = "../../deploy/monitoring"
	documents = "../../docs"
)

// rule is one alert.
type rule struct {
	Alert       string
	Expr        string
	For         string
	Labels      map[string]string
	Annotations map[string]string
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into))
}

func alerts(t *testing.T) []rule {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	readYAML(t, "alerts.yaml", &file)
	var out []rule
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	require.NotEmpty(t, out)
	return out
}

func TestAlertsFireWhenTheyShouldAndOnlyThen(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the promtool that make stack-programs builds")
	}
	out, err := promtest.Promtool(t, folder, "check", "rules", "alerts.yaml")
	require.NoError(t, err, out)
	out, err = promtest.Promtool(t, folder, "test", "rules", "alerts_test.yaml")
	require.NoError(t, err, out)
}

// A test that only shows that an alert fires would be passed by one that always does.
func TestEachAlertHasACaseThatFiresAndOneThatDoesNot(t *testing.T) {
	var file struct {
		Tests []struct {
			AlertRuleTest []struct {
				Alertname string
				ExpAlerts []any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	readYAML(t, "alerts_test.yaml", &file)
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, one := range file.Tests {
		for _, c := range one.AlertRuleTest {
			if len(c.ExpAlerts) > 0 {
				fires[c.Alertname] = true
			} else {
				silent[c.Alertname] = true
			}
		}
	}
	for _, a := range alerts(t) {
		require.True(t, fires[a.Alert], "%s has no case in which it fires", a.Alert)
		require.True(t, silent[a.Alert], "%s has no case in which it does not fire", a.Alert)
	}
}

func TestEachAlertSaysWhatItMeansAndWhatToDo(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(documents, "alerts.md"))
	require.NoError(t, err)
	sections := map[string]string{}
	for _, s := range strings.Split(string(text), "\n## ")[1:] {
		title, body, _ := strings.Cut(s, "\n")
		sections[anchor(title)] = body
	}
	const page = "https://github.com/rollbackd/rollbackd/blob/main/docs/alerts.md#"
	for _, a := range alerts(t) {
		require.Contains(t, []string{"critical", "warning"}, a.Labels["severity"], a.Alert)
		require.NotEmpty(t, a.Annotations["summary"], a.Alert)
		require.NotEmpty(t, a.Annotations["description"], a.Alert)
		name, ok := strings.CutPrefix(a.Annotations["runbook_url"], page)
		require.True(t, ok, "%s: the runbook is not on our page", a.Alert)
		body, ok := sections[name]
		require.True(t, ok, "docs/alerts.md has no section %s", name)
		for _, part := range []string{"**Meaning.**", "**Impact.**", "**What to do.**"} {
			require.Contains(t, body, part, a.Alert)
		}
		delete(sections, name)
	}
	require.Empty(t, sections, "docs/alerts.md has sections of alerts that do not exist")
}

// anchor is what GitHub makes of a title.
func anchor(title string) string {
	kept := regexp.MustCompile(`[^\p{L}\p{N}\- _]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
	return strings.ReplaceAll(kept, " ", "-")
}
