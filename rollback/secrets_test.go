package rollback

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rollbackd/rollbackd/internal/mask"
)

// The dry run of a rollback is shown to whoever may ask for one. What a diagnosis hides it hides too: by what the configuration says, and by the names of
// variables, wherever their values turn up.
func TestNoDiffShowsASecret(t *testing.T) {
	pin, s := pinned()
	p, refusal := MakePlan(pin, s, false)
	if refusal != nil {
		t.Fatal(refusal)
	}
	with := func(level string) json.RawMessage {
		return json.RawMessage(`{"metadata":{"labels":{"app":"x"}},"spec":{"containers":[{"name":"app","image":"x:1","args":["--dsn=db/` + level + `-canary-of-a-variable"],"env":[` +
			`{"name":"DB_PASSWORD","value":"` + level + `-canary-of-a-variable"},{"name":"NOTE","value":"cust-123456 ` + level + `"},{"name":"URL","value":"postgres://app:canary-in-a-url@db/x"}]}]}}`)
	}
	p.FromTemplate, p.ToTemplate = with("bad"), with("good")
	hide, err := mask.New(`cust-\d+`)
	if err != nil {
		t.Fatal(err)
	}
	d := Drill{Workload: p.Workload, Good: p.ToTemplate, Bad: p.FromTemplate}
	for name, diff := range map[string]func() (string, error){
		"the plan's": func() (string, error) { return p.Diff(hide) },
		"a template's": func() (string, error) {
			return TemplateDiff(hide, Revision{Template: p.ToTemplate}, Revision{Template: p.FromTemplate})
		},
		"a drill's": d.Diff, "that of a drill's end": d.UndoDiff,
	} {
		text, err := diff()
		if err != nil {
			t.Fatal(name, err)
		}
		for _, line := range strings.Split(text, "\n") {
			configured := strings.Contains(line, "cust-123456") && !strings.Contains(name, "drill") // whose caller has no configuration
			if strings.Contains(line, "canary") || configured {
				t.Errorf("%s shows %q", name, line)
			}
		}
		if !strings.Contains(text, "bad") || !strings.Contains(text, "***") {
			t.Errorf("%s hides what is no secret, or nothing:\n%s", name, text)
		}
	}
}
