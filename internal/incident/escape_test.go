package incident

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"v1.2.3-rc.1+build_7":           "v1.2.3-rc.1+build_7",
		"_a_ *b* `c`":                   `\_a\_ \*b\* ` + "\\`c\\`",
		"<img src=x>":                   "&lt;img src=x&gt;",
		"[x](javascript:alert(1))":      `\[x\](javascript:alert(1))`,
		"https://e.example www.e.it":    "https&#58;//e.example www&#46;e.it",
		"@all ana@shop":                 "&#64;all ana@shop",
		"a\nb\r\n\tc\u2028d\x00e":       "a b c d e",
		"\u202eabc\x1b[31m":             `abc \[31m`,
		"app@sha256:0123":               "app@sha256:0123",
		"&lt;":                          "&amp;lt;",
		"bad utf8 \xff":                 "bad utf8 \ufffd",
		" \n ":                          "",
		strings.Repeat("x", maxText+10): strings.Repeat("x", maxText) + "…",
	} {
		if got := text(in); got != want {
			t.Errorf("text(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCodeAndShell(t *testing.T) {
	for in, want := range map[string]string{
		"a":            "`a`",
		"a`b``c":       "``` a`b``c ```",
		"a\nb":         "`a b`",
		"":             "(none)",
		"<b>&\\ **x**": "`<b>&\\ **x**`",
	} {
		if got := code(in); got != want {
			t.Errorf("code(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"shop":                "shop",
		"":                    "''",
		"a b":                 "'a b'",
		"$(x)":                "'$(x)'",
		"it's":                `'it'\''s'`,
		"deployment/checkout": "deployment/checkout",
	} {
		if got := shell(in); got != want {
			t.Errorf("shell(%q) = %q, want %q", in, got, want)
		}
	}
}

// active matches what still has a meaning in Markdown or HTML: tags, entities not of ours, and unescaped markup.
var active = regexp.MustCompile("[<>]|://|www\\.|&(?:[^alg#]|$)|(?:^|[^\\\\])(?:\\\\\\\\)*[*`\\[\\]|~$]")

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "v1", "[a](b)", "\\*", "\\\\[", "``", "<a href=//x>", "&amp;", "http://x", "wwwwww.", "_x_", "\x00\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := text(s)
		if m := active.FindString(got); m != "" {
			t.Errorf("text(%q) = %q still holds %q", s, got, m)
		}
		wantOneLine(t, got)
		if n := utf8.RuneCountInString(got); n > 6*(maxText+1) {
			t.Errorf("%d runes of %d", n, len(s))
		}
		span := code(s)
		wantOneLine(t, span)
		if fence := span[:len(span)-len(strings.TrimLeft(span, "`"))]; fence != "" && strings.Count(" "+strings.Trim(span, "`")+" ", fence) > 0 {
			t.Errorf("code(%q) = %q ends early", s, span)
		}
		wantOneLine(t, shell(s))
		wantOneLine(t, field(s))
	})
}

func wantOneLine(t *testing.T, s string) {
	t.Helper()
	if i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) }); i >= 0 {
		t.Errorf("%q holds a control character", s)
	}
}

// FuzzHostileEvent renders a whole incident whose event says anything at all.
func FuzzHostileEvent(f *testing.F) {
	f.Add("v1\n- 2026-11-22T10:00:00Z - Service restored", "](javascript:x)", "``")
	f.Add(strings.Repeat("x", 1<<14), "\x00", "<script>")
	f.Fuzz(func(t *testing.T, version, operator, commit string) {
		raw, err := json.Marshal(map[string]any{"version": version, "operator": operator, "commit": commit})
		if err != nil {
			t.Skip()
		}
		at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		entries := []Entry{
			{At: at, Kind: KindAccepted, Actor: operator, Accepted: &Accepted{Subject: "deployments.a.b." + version, Event: raw, Policy: commit}},
			{At: at, Kind: KindState, State: &StateChange{To: stateNotRecovered, Reason: version, Incident: operator, Final: true}},
		}
		got := string(Timeline(entries))
		if !runbookForm.MatchString(got) {
			t.Errorf("the form is lost:\n%s", got)
		}
		if strings.Count(got, "\n- 2026-11-22T10:00:00Z - Service") != 1 || len(headingsOf(got)) != 7 {
			t.Errorf("the event wrote lines of its own:\n%s", got)
		}
		if len(got) > 64<<10 {
			t.Errorf("%d bytes rendered", len(got))
		}
	})
}

func TestFormats(t *testing.T) {
	for in, want := range map[float64]string{
		0: "0 %", 0.346: "34.6 %", 0.3456: "34.6 %", 1: "100 %", 0.0055: "0.55 %", 0.000123456: "0.0123 %", 0.1: "10 %", 2.5: "250 %",
		0.00551: "0.551 %", 0.9999: "100 %",
	} {
		if got := percent(in); got != want {
			t.Errorf("percent(%v) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(in); got != want {
			t.Errorf("count(%d) = %q, want %q", in, got, want)
		}
	}
	if got := span(5*time.Minute + 10*time.Second + 300*time.Millisecond); got != "5m10s" {
		t.Errorf("span = %q", got)
	}
}
