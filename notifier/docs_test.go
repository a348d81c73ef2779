package notifier

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollbackd/rollbackd/internal/promtest"
)

// yamlBlocks are the YAML examples of a document that begin with a key.
func yamlBlocks(t *testing.T, document, key string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "notifications", document))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, part := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, closed := strings.Cut(part, "```\n")
		if closed && strings.HasPrefix(block, key) {
			out = append(out, block)
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s has no example that begins with %s", document, key)
	}
	return out
}

// The routing that the documentation shows must be one that Alertmanager takes, and that takes our alerts where it says.
func TestDocumentedRoutingOfAlertmanager(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the Alertmanager that make stack-programs builds")
	}
	url, _ := promtest.StartAlertmanager(t, yamlBlocks(t, "alertmanager.md", "route:")[0])
	a := NewAlertmanager(AlertmanagerOptions{Name: "am", URLs: []string{url}})
	grave := badRelease()
	grave.Severity, grave.Incident = Page, "another"
	mustNotify(t, a, badRelease(), grave)
	got := map[string]string{}
	for _, alert := range alertsAt(t, url) {
		got[alert.Labels["severity"]] = alert.Receivers[0].Name
	}
	if got["warning"] != "release" || got["critical"] != "on-call" {
		t.Errorf("the receivers are %v", got)
	}
}
