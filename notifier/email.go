package notifier

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"html/template"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// This file writes a notice as an e-mail. It is pure.

// mailer writes the messages of one sender.
type mailer struct {
	from *mail.Address
	// to gets every message.
	to []*mail.Address
}

func newMailer(from string, to []string) (mailer, error) {
	var m mailer
	var err error
	if m.from, err = mail.ParseAddress(from); err != nil {
		return m, fmt.Errorf("the sender %q is no e-mail address: %w", from, err)
	}
	for _, t := range to {
		address, err := mail.ParseAddress(t)
		if err != nil {
			return m, fmt.Errorf("the recipient %q is no e-mail address: %w", t, err)
		}
		m.to = append(m.to, address)
	}
	return m, nil
}

// recipients are those of every message and those whom n is for, each once. The error names who has an address that is none; it does not
// keep the others from their message.
func (m mailer) recipients(n Notice) ([]*mail.Address, error) {
	var out []*mail.Address
	var problems []error
	seen := map[string]bool{}
	add := func(a *mail.Address) {
		if key := strings.ToLower(a.Address); !seen[key] {
			seen[key] = true
			out = append(out, a)
		}
	}
	for _, a := range m.to {
		add(a)
	}
	for _, r := range n.To {
		a, err := mail.ParseAddress(r.Address)
		if err != nil {
			problems = append(problems, fmt.Errorf("%q of the role %s is no e-mail address", plain(r.Address, maxQuoted), r.Role))
			continue
		}
		if a.Name == "" {
			a.Name = plain(r.Name, maxQuoted)
		}
		add(a)
	}
	return out, errors.Join(problems...)
}

// message is n as an e-mail with lines that end in CR LF. What comes from outside is in no header but the subject, which is one line of printable
// characters, and in bodies that are encoded.
func (m mailer) message(n Notice, to []*mail.Address, now time.Time) ([]byte, error) {
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	var names []string
	for _, a := range to {
		names = append(names, a.String())
	}
	var head bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&head, "%s: %s\r\n", name, value) }
	header("From", m.from.String())
	header("To", strings.Join(names, ",\r\n "))
	header("Subject", mailSubject(n))
	header("Date", now.Format(time.RFC1123Z))
	header("Message-ID", m.id("n", n.ID))
	if n.Incident != "" {
		// What the thread begins with is never sent itself: no message of an incident is sure to come first everywhere.
		header("In-Reply-To", m.id("i", n.Incident))
		header("References", m.id("i", n.Incident))
	}
	// So that no robot answers (RFC 3834), neither Exchange's.
	header("Auto-Submitted", "auto-generated")
	header("X-Auto-Response-Suppress", "All")
	if n.Severity == Page {
		header("Importance", "high")
	}
	header("MIME-Version", "1.0")
	header("Content-Type", `multipart/alternative; boundary="`+parts.Boundary()+`"`)
	head.WriteString("\r\n")

	content := newMailContent(n)
	if err := writePart(parts, "text/plain", content.text()); err != nil {
		return nil, err
	}
	page, err := content.html()
	if err != nil {
		return nil, err
	}
	if err := writePart(parts, "text/html", page); err != nil {
		return nil, err
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	return append(head.Bytes(), body.Bytes()...), nil
}

// id is the identity of a message, or of a thread. It follows from its argument alone, so a message that is sent again has the same one.
func (m mailer) id(kind, id string) string {
	_, domain, _ := strings.Cut(m.from.Address, "@")
	if len(id) > maxQuoted {
		id = fmt.Sprintf("%x", sha256.Sum256([]byte(id)))
	}
	local := escaped(id, func(b byte) bool {
		return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '-' || b == '_'
	})
	local = strings.ReplaceAll(local, "%", "=") // which an atom may hold
	return "<rollbackd." + kind + "." + local + "@" + domain + ">"
}

// mailSubject names the environment and the title. Text that looks like an encoded word is taken apart, so that nothing is decoded from it.
func mailSubject(n Notice) string {
	subject := plain(n.Title, maxQuoted)
	if environment := plain(n.Environment, 63); environment != "" {
		subject = "[" + environment + "] " + subject
	}
	return mime.QEncoding.Encode("utf-8", strings.ReplaceAll(subject, "=?", "= ?"))
}

func writePart(parts *multipart.Writer, mediaType, text string) error {
	w, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {mediaType + "; charset=utf-8"},
		"Content-Transfer-Encoding": {"quoted-printable"},
	})
	if err != nil {
		return err
	}
	q := quotedprintable.NewWriter(w)
	if _, err := q.Write([]byte(text)); err != nil {
		return err
	}
	return q.Close()
}

// mailContent is what both bodies say.
type mailContent struct {
	// Lines are the message, without the link.
	Lines []string
	// Link is empty where there is none that a browser could open.
	Link  string
	Facts []mailFact
}

type mailFact struct{ Name, Value string }

// maxMailText bounds a fact, and maxMailGroup is how many notices of a group are named.
const (
	maxMailText  = 4000
	maxMailGroup = 50
)

func newMailContent(n Notice) mailContent {
	var c mailContent
	message := n.Message
	if message == "" {
		message = Message(n)
	}
	for line := range strings.SplitSeq(message, "\n") {
		if line = plain(line, MaxMessage); line != "" && line != n.Link {
			c.Lines = append(c.Lines, line)
		}
	}
	if isWebAddress(n.Link) {
		c.Link = n.Link
	}
	for _, f := range []mailFact{
		{"Workload", n.Workload}, {"Environment", n.Environment}, {"Version", n.Version}, {"Goes back to", n.Target}, {"Deployed by", n.Operator},
		{"Signal", Numbers(n)}, {"Why", n.Text}, {"Done", n.Action}, {"Next", n.Next}, {"Incident", n.Incident}, {"Watch", n.Watch},
	} {
		if f.Value = plain(f.Value, maxMailText); f.Value != "" {
			c.Facts = append(c.Facts, f)
		}
	}
	if !n.At.IsZero() {
		c.Facts = append(c.Facts, mailFact{"At", n.At.UTC().Format(time.RFC3339)})
	}
	for i, g := range n.Group {
		if i == maxMailGroup {
			c.Facts = append(c.Facts, mailFact{"…", fmt.Sprintf("and %d more", len(n.Group)-i)})
			break
		}
		c.Facts = append(c.Facts, mailFact{g.At.UTC().Format(time.TimeOnly), plain(g.Title, maxQuoted)})
	}
	return c
}

func (c mailContent) text() string {
	var b strings.Builder
	for _, line := range c.Lines {
		b.WriteString(line + "\n")
	}
	if c.Link != "" {
		b.WriteString(c.Link + "\n")
	}
	if len(c.Facts) > 0 {
		b.WriteByte('\n')
	}
	for _, f := range c.Facts {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	return b.String()
}

func (c mailContent) html() (string, error) {
	page, err := template.New("mail").Parse(mailPage)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = page.Execute(&b, c)
	return b.String(), err
}

// mailPage has no images, scripts or foreign fonts: mail programs block them, and a page at night must be readable without.
const mailPage = `<!DOCTYPE html>
<html><body style="font-family: sans-serif">
{{range $i, $line := .Lines}}<p{{if eq $i 0}} style="font-weight: bold"{{end}}>{{$line}}</p>
{{end}}{{with .Link}}<p><a href="{{.}}">{{.}}</a></p>
{{end}}<table style="border-spacing: 0.5em 0">
{{range .Facts}}<tr><th style="text-align: left; vertical-align: top">{{.Name}}</th><td>{{.Value}}</td></tr>
{{end}}</table>
</body></html>
`
