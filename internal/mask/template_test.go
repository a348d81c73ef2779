package mask

import (
	"encoding/json"
	"strings"
	"testing"
)

func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTemplates(t *testing.T) {
	const template = `{"metadata":{"annotations":{"vault/token":"SECRET","team":"shop"}},"spec":{"containers":[{"name":"app","image":"r.example/app@sha256:0a1b",` +
		`"args":["--db-password","SECRET","--token=SECRET","--port","1"],"env":[{"name":"DB_PASSWORD","value":"SECRET"},{"name":"SAME_TOKEN","value":"same"},` +
		`{"name":"DB_URL","value":"postgres://app:SECRET@db/shop"},{"name":"LOG_LEVEL","value":"info"},{"name":"API_KEY","valueFrom":{"secretKeyRef":{"name":"keys","key":"api"}}}],` +
		`"readinessProbe":{"httpGet":{"path":"/ready","port":80,"httpHeaders":[{"name":"Authorization","value":"SECRET"}]}}}],` +
		`"volumes":[{"name":"credentials","secret":{"secretName":"db-credentials"}}]}}`
	before, after := (Masker{}).Templates(decoded(t, strings.ReplaceAll(template, "SECRET", "hunter2")), decoded(t, strings.ReplaceAll(template, "SECRET", "hunter3")))
	for name, c := range map[string]struct {
		template map[string]any
		mark     string
	}{"before": {before, " (before)"}, "after": {after, " (after)"}} {
		text, _ := json.Marshal(c.template)
		want := decoded(t, strings.ReplaceAll(template, "SECRET", Hidden))
		wanted, _ := json.Marshal(want)
		marked := strings.NewReplacer(`"***"`, `"***`+c.mark+`"`, `--token=***`, `--token=***`+c.mark, `***@db/shop`, `***@db/shop`+c.mark, `"same"`, `"***"`).Replace(string(wanted))
		if string(text) != marked {
			t.Errorf("%s: it is\n%s, want\n%s", name, text, marked)
		}
	}
}

func TestTemplatesOfAnyShape(t *testing.T) {
	before, after := (Masker{}).Templates(nil, map[string]any{"spec": []any{1.0, nil, []any{"a"}, map[string]any{"name": 5.0, "value": "x"}}})
	if before == nil || len(before) != 0 || len(after) != 1 {
		t.Errorf("they are %v and %v", before, after)
	}
}
