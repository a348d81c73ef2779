package mask

import (
	"encoding/json"
	"strings"
	"testing"
)

// given is a pod template with secrets of several kinds, none of which looks like one by itself.
const given = `{"metadata":{"annotations":{"example.com/api-token":"canary-annotated"}},"spec":{"containers":[{"name":"app",
	"args":["--db-password","canary-argument","--port","8080"],"env":[
	{"name":"DB_PASSWORD","value":"canary in three words"},{"name":"SHORT_SECRET","value":"wren"},{"name":"API_TOKEN_ENABLED","value":"true"},
	{"name":"TOKEN_TTL","value":"3600"},{"name":"QUOTED_SECRET","value":"a\"canary\\quoted"},{"name":"LOG_LEVEL","value":"canary-level"},
	{"name":"SIGNING_KEY","value":"canary-first-line\ncanary-second-line"},{"name":"FROM_SECRET","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]}]}}`

func TestSecretsOfATemplateAreHiddenWhereverTheyStand(t *testing.T) {
	hide := Masker{}.WithSecretsOf(json.RawMessage(given), json.RawMessage(`[1]`), json.RawMessage(`{`))
	for _, tc := range []struct{ text, want string }{
		{"dialled with canary in three words, twice canary in three words", "dialled with ***, twice ***"},
		{"got canary-argument and xcanary-annotatedx", "got *** and x***x"},
		{"wren, wrens, a wren", "***, wrens, a ***"},
		{`{"msg":"a\"canary\\quoted"}`, `{"msg":"***"}`},
		{`plain a"canary\quoted`, `plain ***`},
		{"key:\ncanary-second-line", "key:\n***"},
		{"level canary-level, true, 3600, 8080, k, s", "level canary-level, true, 3600, 8080, k, s"},
	} {
		if got := hide.Text(tc.text); got != tc.want {
			t.Errorf("%q is shown as %q, want %q", tc.text, got, tc.want)
		}
		if got := hide.Text(hide.Text(tc.text)); got != tc.want {
			t.Errorf("%q is shown twice as %q", tc.text, got)
		}
	}
	if plain := (Masker{}).Text("canary-argument"); plain != "canary-argument" {
		t.Errorf("the Masker that it was made from hides it too: %q", plain)
	}
}

// What is hidden at one place of a template must not be read off another one, in either version.
func TestAValueThatIsHiddenInATemplateIsHiddenInAllOfIt(t *testing.T) {
	var before, after map[string]any
	for _, err := range []error{
		json.Unmarshal([]byte(given), &before),
		json.Unmarshal([]byte(strings.Replace(given, `"8080"`, `"8080","--url","db/canary-argument?p=canary in three words"`, 1)), &after),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	was, is := Masker{}.Templates(before, after)
	for _, shown := range []map[string]any{was, is} {
		text, err := json.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		if rest := strings.ReplaceAll(string(text), "canary-level", ""); strings.Contains(rest, "canary") || strings.Contains(rest, `"wren"`) {
			t.Errorf("it shows %s", text)
		}
		if !strings.Contains(string(text), "canary-level") || !strings.Contains(string(text), "8080") {
			t.Errorf("it hides too much: %s", text)
		}
	}
}
