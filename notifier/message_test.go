package notifier

import (
	"flag"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The message of every kind of notice, as people read it.
func TestMessages(t *testing.T) {
	var b strings.Builder
	for _, n := range Examples() {
		b.WriteString("--- " + string(n.Kind) + " (" + string(n.Severity) + ")\n" + Message(n) + "\n")
	}
	const path = "testdata/messages.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("run with -update to accept:\n%s", b.String())
	}
}

func TestEveryKindHasAnExample(t *testing.T) {
	seen := map[Kind]bool{}
	for _, n := range Examples() {
		seen[n.Kind] = true
		if n.bounded().ID != n.ID {
			t.Errorf("%q is no ID", n.ID)
		}
	}
	for _, k := range Kinds() {
		if !seen[k] {
			t.Errorf("no example of %s", k)
		}
	}
}

// hostileNotice is what an event might try.
func hostileNotice(text string) Notice {
	return Notice{
		ID: text, Kind: KindRegressed, Severity: Page, Title: text, Text: text, Watch: text, Workload: text, WorkloadKind: text, Environment: text,
		Version: text, Target: text, EventID: text, Operator: text, Signal: text, Value: text, Limit: text, Baseline: text, Action: text, Next: text,
		Incident: text, Link: "https://rollbackd.example/incidents/x", Chart: text,
	}
}

// Whatever an event says, a message is a few lines of plain text within bounds that end with the link, by the default and by templates; a notice of
// a megabyte is cut before it is stored or handed to a sink.
func TestHostileNotices(t *testing.T) {
	own, err := NewTemplate("{{.Title}}\n{{.Text}}\n{{numbers .}}\n{{.Next}}\n{{.Link}}")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"markup":      `<script>alert(1)</script><!channel> [x](http://evil.example) *_~` + "`",
		"terminal":    "\x1b[2J\x1b]0;x\a\u009b31m\u202egpj\u2066 \u200b\r\n\x00",
		"long":        strings.Repeat("x", 1<<20),
		"long runes":  strings.Repeat("💥", 1<<18),
		"not UTF-8":   "\xff\xfe\xc3\x28",
		"a template":  "{{.Title}}{{template \"x\"}}",
		"headers":     "x\r\nBcc: all@example.com\r\n\r\n.",
		"blank":       " \t\n ",
		"nothing":     "",
		"the link it": "https://rollbackd.example/incidents/x",
	} {
		t.Run(name, func(t *testing.T) {
			n := hostileNotice(text).bounded()
			if n.ID != "" && !fitID.MatchString(n.ID) {
				t.Errorf("the ID is %q", n.ID)
			}
			for _, field := range []string{n.Title, n.Text, n.Workload, n.Action, n.Next, n.Operator} {
				if utf8.RuneCountInString(field) > mostText {
					t.Errorf("a field has %d characters", utf8.RuneCountInString(field))
				}
			}
			for _, message := range []string{Message(n), own.render(n), Message(grouped([]Notice{n, n, n, n, n}, n.Link))} {
				if got := utf8.RuneCountInString(message); got > MaxMessage {
					t.Errorf("%d characters", got)
				}
				if !utf8.ValidString(message) || !strings.HasSuffix(message, n.Link) {
					t.Errorf("the message ends: %q", message[max(0, len(message)-60):])
				}
				for _, r := range message {
					if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
						t.Fatalf("%U is in %q", r, message)
					}
				}
				if lines := strings.Count(message, "\n"); lines > 6 {
					t.Errorf("%d lines", lines)
				}
			}
		})
	}
}

func TestTemplates(t *testing.T) {
	n := Examples()[3]
	for text, want := range map[string]string{
		"{{upper (print .Severity)}} {{.Title}}": "WARN shop/checkout v1.2.3 is bad\n" + n.Link,
		"{{.Link}}\n{{numbers .}}":               "error-rate: 7.1 % (limit 0.6 %, before 0.5 %)\n" + n.Link,
		"{{clock .At}} {{.Version}}":             "10:00:00Z v1.2.3\n" + n.Link,
		"{{message .}}":                          Message(n),
	} {
		tmpl, err := NewTemplate(text + "{{if false}}x{{end}}")
		if strings.HasPrefix(text, "{{.Link}}") { // of some kinds that is nothing but the link, which is something
			if err != nil {
				t.Error(err)
				continue
			}
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := tmpl.render(n); got != want {
			t.Errorf("%s gives %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"{{.Titel}}":                "can't evaluate field Titel",
		"{{if":                      "unclosed action",
		"{{.Action}}":               "would be told by an empty message",
		`{{printf "%1000000s" ""}}`: "writes more than",
		"{{index .Group 3}}":        "index out of range",
	} {
		if _, err := NewTemplate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	late, err := NewTemplate(`{{.Title}}{{if .Group}}{{index .Group 99}}{{end}}`) // fails on what no example has
	if err != nil {
		t.Fatal(err)
	}
	burst := grouped([]Notice{n, n}, "")
	if got := late.render(burst); got != Message(burst) {
		t.Errorf("a template that fails leaves people with %q", got)
	}
}
