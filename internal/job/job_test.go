package job

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/rollbackd/rollbackd/internal/mask"
)

// template is a JobSpec whose container and spec are given as JSON.
func template(container string, edits ...string) json.RawMessage {
	text := `{"template":{"metadata":{"labels":{"v":"{version}"}},"spec":{"restartPolicy":"Never","containers":[{"name":"main","image":"tool:1"` + container + `}]}}}`
	return json.RawMessage(strings.NewReplacer(edits...).Replace(text))
}

func TestTemplatesAreCheckedBeforeTheyAreNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		template json.RawMessage
		says     string
	}{
		"as it should be":          {template(`,"args":["--to={target}"],"env":[{"name":"V","value":"{version}"}]`), ""},
		"no policy for restarts":   {template("", `"restartPolicy":"Never",`, ""), ""},
		"its own namespace":        {template("", `"labels"`, `"namespace":"{namespace}","labels"`), ""},
		"a script with a variable": {template(`,"command":["sh","-c","migrate \"$TO\""],"env":[{"name":"TO","value":"{target}"}]`), ""},
		"an unknown field":         {template(`,"imgae":"x"`), `unknown field "template.spec.containers[0].imgae"`},
		"the wrong case":           {template("", "restartPolicy", "RestartPolicy"), `unknown field "template.spec.RestartPolicy"`},
		"not a spec":               {json.RawMessage(`["x"]`), "is no JobSpec of batch/v1"},
		"a whole manifest":         {json.RawMessage(`{"apiVersion":"batch/v1","kind":"Job","spec":{}}`), `unknown field "apiVersion"`},
		"no containers":            {json.RawMessage(`{"template":{"spec":{"restartPolicy":"Never"}}}`), "has no containers"},
		"no image":                 {template("", `"image":"tool:1"`, `"image":""`), "without a name or an image"},
		"restarted for ever":       {template("", "Never", "Always"), "with which a Job does not end"},
		"another namespace":        {template("", `"labels"`, `"namespace":"kube-system","labels"`), `names the namespace "kube-system"`},
		"suspended":                {template("", `{"template"`, `{"suspend":true,"template"`), "remove suspend"},
		"gone too soon":            {template("", `{"template"`, `{"ttlSecondsAfterFinished":5,"template"`), "use at least 600"},
		"longer than waited for":   {template("", `{"template"`, `{"activeDeadlineSeconds":61,"template"`), "use 1 to 60"},
		"a selector":               {template("", `{"template"`, `{"manualSelector":true,"template"`), "remove selector"},
		"a placeholder elsewhere":  {template("", "tool:1", "tool:{version}"), "holds {version} where nothing is put in"},
		"pasted into a script":     {template(`,"command":["/bin/sh","-ec","migrate {target}"]`), "into the script of a shell"},
		"pasted by args":           {template(`,"command":["bash"],"args":["-c","migrate {target}"]`), "into the script of a shell"},
		"too long":                 {template(`,"args":["` + strings.Repeat("x", MaxTemplate) + `"]`), "and may have 32768"},
	} {
		t.Run(name, func(t *testing.T) {
			var said []string
			for _, err := range Check(c.template, 60) {
				said = append(said, err.Error())
			}
			if got := strings.Join(said, "; "); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
				t.Errorf("it says %q, want %q", got, c.says)
			}
		})
	}
}

func order(edit func(*Order)) Order {
	o := Order{
		Template: template(`,"args":["--to={target}"],"env":[{"name":"V","value":"{workload} {version}"}]`),
		Names:    Names{Namespace: "shop", Workload: "checkout.v1", Version: "v2", Target: "v1"},
		Watch:    "production.shop." + strings.Repeat("a", 64), Purpose: "migration", Round: "1", Deadline: 60e9,
	}
	if edit != nil {
		edit(&o)
	}
	return o
}

func render(t *testing.T, o Order) *batchv1.Job {
	t.Helper()
	j, err := Render(o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestTheSameOrderIsTheSameJob(t *testing.T) {
	first, again := render(t, order(nil)), render(t, order(nil))
	if first.Name != again.Name || len(first.Name) > 57 || strings.Contains(first.Name, ".") {
		t.Errorf("the names are %q and %q", first.Name, again.Name)
	}
	for name, edit := range map[string]func(*Order){
		"another watch":   func(o *Order) { o.Watch += "b" },
		"another purpose": func(o *Order) { o.Purpose = "smoke" },
		"another round":   func(o *Order) { o.Round = "2" },
	} {
		if other := render(t, order(edit)); other.Name == first.Name {
			t.Errorf("%s has the same name, %s", name, other.Name)
		}
	}
}

func TestAJobEndsAndStaysForAWhile(t *testing.T) {
	s := render(t, order(func(o *Order) { o.Template = template("", `"restartPolicy":"Never",`, "") })).Spec
	if *s.BackoffLimit != 0 || *s.ActiveDeadlineSeconds != 60 || *s.TTLSecondsAfterFinished != 3600 || s.Template.Spec.RestartPolicy != corev1.RestartPolicyNever {
		t.Errorf("the spec is %+v", s)
	}
	s = render(t, order(func(o *Order) {
		o.Template = template("", `{"template"`, `{"backoffLimit":2,"activeDeadlineSeconds":5,"ttlSecondsAfterFinished":700,"template"`)
	})).Spec
	if *s.BackoffLimit != 2 || *s.ActiveDeadlineSeconds != 5 || *s.TTLSecondsAfterFinished != 700 {
		t.Errorf("what the template says is not kept: %+v", s)
	}
}

// TestNamesAreData: whatever an event holds stays within the value that it was meant for, and Kubernetes expands nothing in it.
func TestNamesAreData(t *testing.T) {
	hostile := "v2\"}],\"hostNetwork\":true\n$(DB_PASSWORD) {target}"
	j := render(t, order(func(o *Order) { o.Names.Version = hostile; o.Names.Target = "$(X)" }))
	c := j.Spec.Template.Spec.Containers[0]
	if got, want := c.Env[0].Value, "checkout.v1 "+strings.ReplaceAll(hostile, "$", "$$"); got != want {
		t.Errorf("the value is %q, want %q", got, want)
	}
	if c.Args[0] != "--to=$$(X)" || j.Spec.Template.Spec.HostNetwork {
		t.Errorf("the container is %+v", c)
	}
	if label := j.Spec.Template.Labels["v"]; strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" || len(label) > 63 {
		t.Errorf("the label is %q", label)
	}
}

func TestLogsAreMadeFitToShow(t *testing.T) {
	token := "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7aB3dE6gH9"
	for name, c := range map[string]struct{ log, want string }{
		"plain":               {"migrating to 0042\nok\n", "migrating to 0042\nok\n"},
		"control characters":  {"a\x1b[31mred\x00\u202eb\r\nc\rd", "a\\x1b[31mred\\x00\\u202eb\nc\\rd"},
		"not UTF-8":           {"a\xffb", "a\uFFFDb"},
		"a password":          {"connecting with password=hunter2 to db", "connecting with password=*** to db"},
		"a variable":          {"DB_PASSWORD=hunter2", "DB_PASSWORD=***"},
		"quoted":              {`{"api_key": "a b c", "user": "ana"}`, `{"api_key": "***", "user": "ana"}`},
		"a secret in YAML":    {"secret: hunter2", "secret: ***"},
		"an address":          {"postgres://app:hunter2@db:5432/shop", "postgres://app:***@db:5432/shop"},
		"a header":            {"Authorization: Bearer abcdefghijk", "Authorization: ***"},
		"a JWT":               {"got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln now", "got *** now"},
		"a token":             {"got " + token + " now", "got *** now"},
		"a checksum is none":  {"at commit 0123456789abcdef0123456789abcdef01234567", "at commit 0123456789abcdef0123456789abcdef01234567"},
		"a migration is none": {"applying db/migrations/2026_11_22_000001_add_orders_table", "applying db/migrations/2026_11_22_000001_add_orders_table"},
		"a key":               {"-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\nok", "***\nok"},
	} {
		if got := Fit(c.log, mask.Masker{}); got != c.want {
			t.Errorf("%s: %q became %q, want %q", name, c.log, got, c.want)
		}
	}
}

// TestOnlyTheEndOfALongLogIsKept: no secret comes through because the cut took away what tells that it is one.
func TestOnlyTheEndOfALongLogIsKept(t *testing.T) {
	long := strings.Repeat("line of a log, password=hunter2 ü\n", 20000) + "the end"
	kept, err := lastOf(strings.NewReader(long), MaxLog+margin)
	if err != nil {
		t.Fatal(err)
	}
	got := Fit(kept, mask.Masker{})
	if len(got) > MaxLog || len(got) < MaxLog/2 || !strings.HasSuffix(got, "the end") || !strings.HasPrefix(got, "…\nline of a log") || !utf8.ValidString(got) {
		t.Errorf("%d bytes are kept, from %q to %q", len(got), got[:40], got[len(got)-20:])
	}
	if strings.Contains(got, "hunter2") {
		t.Error("a secret is shown")
	}
}

func TestALineIsALine(t *testing.T) {
	if got := LastLine("one\npassword=x\x00 two\tthree \n\n", 100); got != `password=***\x00 two three` && strings.ContainsFunc(got, unicode.IsControl) {
		t.Errorf("the line is %q", got)
	}
	if got := Line(strings.Repeat("ü", 9), 3); got != "üüü…" {
		t.Errorf("the line is %q", got)
	}
}
