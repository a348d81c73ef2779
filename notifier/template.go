package notifier

import (
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"
)

// Template makes a message by a text/template of the user's.
type Template struct{ parsed *template.Template }

// mostOutput bounds in bytes what a template may write before it is stopped.
const mostOutput = 64 << 10

// NewTemplate parses a text/template, whose dot is a Notice, and tries it on an example of every kind. Beside the functions of text/template
// there are: numbers (the value against its limit and what was before), message (the message that there would be without a template), clock (a
// time of day in UTC) and upper. The error names the line, and the kind where rendering fails.
func NewTemplate(text string) (*Template, error) {
	functions := template.FuncMap{
		"numbers": Numbers, "message": Message, "upper": strings.ToUpper,
		"clock": func(t time.Time) string { return t.UTC().Format("15:04:05Z") },
	}
	parsed, err := template.New("template").Option("missingkey=error").Funcs(functions).Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	t := &Template{parsed: parsed}
	for _, n := range Examples() {
		out, err := t.execute(n)
		if err != nil {
			return nil, fmt.Errorf("a notice of the kind %s cannot be rendered: %w", n.Kind, err)
		}
		if strings.TrimSpace(out) == "" {
			return nil, fmt.Errorf("a notice of the kind %s would be told by an empty message", n.Kind)
		}
	}
	return t, nil
}

// render makes the message of a notice, of at most MaxMessage characters and with its link at the end. Where the template fails on it, the
// message is the one that there would be without: nobody is left untold by a template.
func (t *Template) render(n Notice) string {
	if t == nil {
		return Message(n)
	}
	text, err := t.execute(n)
	if err != nil || strings.TrimSpace(text) == "" {
		return Message(n)
	}
	link := n.Link
	lines := strings.Split(text, "\n")
	if link != "" && len(lines) > 0 { // the link stands once, where it cannot be cut
		for i := range lines {
			if strings.TrimSpace(lines[i]) == link {
				lines[i] = ""
			}
		}
	}
	return fit(lines, link)
}

func (t *Template) execute(n Notice) (string, error) {
	out := &bounded{room: mostOutput}
	if err := t.parsed.Execute(out, n.onLines()); err != nil {
		return "", errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	return out.String(), nil
}

// onLines is the notice with each of its texts on one line, so that no event can add lines to a message that say what the message does not.
func (n Notice) onLines() Notice {
	for _, text := range n.texts() {
		*text = plain(*text, mostText)
	}
	return n
}

// bounded is a buffer that refuses to grow beyond its room.
type bounded struct {
	strings.Builder
	room int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.room {
		return 0, fmt.Errorf("it writes more than %d bytes", b.room)
	}
	return b.Builder.Write(p)
}
