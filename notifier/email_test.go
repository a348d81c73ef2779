package notifier

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// read is a message as a mail program reads it: its decoded subject and its two bodies.
type read struct {
	*mail.Message
	subject, text, html string
}

func mailOf(t *testing.T, n Notice) (read, []byte) {
	t.Helper()
	m, err := newMailer("rollbackd <rollbackd@shop.example>", []string{"on-call@shop.example"})
	require.NoError(t, err)
	to, err := m.recipients(n)
	require.NoError(t, err)
	raw, err := m.message(n, to, time.Date(2026, 11, 22, 10, 5, 11, 0, time.UTC))
	require.NoError(t, err)
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	require.NoError(t, err)
	r := read{Message: msg}
	r.subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	require.NoError(t, err)
	mediaType, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", mediaType)
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for _, into := range []*string{&r.text, &r.html} {
		part, err := parts.NextRawPart()
		require.NoError(t, err)
		require.Equal(t, "quoted-printable", part.Header.Get("Content-Transfer-Encoding"))
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		require.NoError(t, err)
		*into = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
	_, err = parts.NextPart()
	require.ErrorIs(t, err, io.EOF)
	return r, raw
}

func TestMailSaysWhatHappened(t *testing.T) {
	n := regressed()
	n.Severity, n.Action, n.Next = Page, "Nothing was changed.", "Approve or deny the rollback."
	n.Title = "shop/checkout v1.2.3 is bad – und zwar ärgerlich"
	r, _ := mailOf(t, n)
	require.Equal(t, "[production] shop/checkout v1.2.3 is bad – und zwar ärgerlich", r.subject)
	require.Equal(t, "high", r.Header.Get("Importance"))
	require.Equal(t, "auto-generated", r.Header.Get("Auto-Submitted"))
	require.Equal(t, "Sun, 22 Nov 2026 10:05:11 +0000", r.Header.Get("Date"))
	require.Equal(t, `shop/checkout v1.2.3 is bad – und zwar ärgerlich
errors: 12 % (limit 1.1 %, before 0.4 %)
Nothing was changed.
Next: Approve or deny the rollback.
https://rollbackd.example/incidents/incident-20261122T100510Z/

Workload: shop/checkout
Environment: production
Version: v1.2.3
Goes back to: v1.2.2
Deployed by: ana
Signal: errors: 12 % (limit 1.1 %, before 0.4 %)
Why: held for 5m
Done: Nothing was changed.
Next: Approve or deny the rollback.
Incident: incident-20261122T100510Z
Watch: production.shop.abc
At: 2026-11-22T10:05:10Z
`, r.text)
	require.Contains(t, r.html, `<a href="https://rollbackd.example/incidents/incident-20261122T100510Z/">`)
	require.Contains(t, r.html, "<th style=\"text-align: left; vertical-align: top\">Deployed by</th><td>ana</td>")
}

func TestMailSaysTheTemplatesMessage(t *testing.T) {
	n := regressed()
	n.Message = "As the template words it.\n" + n.Link
	r, _ := mailOf(t, n)
	require.True(t, strings.HasPrefix(r.text, "As the template words it.\nhttps://rollbackd.example/incidents/incident-20261122T100510Z/\n\nWorkload:"), r.text)
	n.Group = []Notice{{Title: "first", At: n.At}, {Title: "second", At: n.At}}
	r, _ = mailOf(t, n)
	require.Contains(t, r.text, "10:05:10: first\n10:05:10: second\n")
}

func TestMailsOfAnIncidentAreOneThread(t *testing.T) {
	first, _ := mailOf(t, regressed())
	second, _ := mailOf(t, later(KindRolledBack, nil))
	again, _ := mailOf(t, regressed())
	require.Equal(t, "<rollbackd.n.n-7@shop.example>", first.Header.Get("Message-ID"))
	require.Equal(t, "<rollbackd.n.n-9@shop.example>", second.Header.Get("Message-ID"))
	require.Equal(t, first.Header.Get("Message-ID"), again.Header.Get("Message-ID"), "told again it is the same message")
	for _, name := range []string{"In-Reply-To", "References"} {
		require.Equal(t, "<rollbackd.i.incident-20261122T100510Z@shop.example>", first.Header.Get(name))
		require.Equal(t, first.Header.Get(name), second.Header.Get(name))
	}
	alone, _ := mailOf(t, Notice{ID: "watch.1=x", Title: "healthy"})
	require.Equal(t, "<rollbackd.n.watch=2E1=3Dx@shop.example>", alone.Header.Get("Message-ID"))
	require.Empty(t, alone.Header.Get("References"))
}

func TestHostileMailHasNoHeadersAndNoMarkupOfItsOwn(t *testing.T) {
	n := hostile(KindRegressed)
	n.ID = "id\r\nX-Evil: 1"
	n.Title = "=?utf-8?q?bad=0d=0aX-Evil:_2?= " + n.Title
	n.Group = []Notice{hostile(KindHealthy)}
	r, raw := mailOf(t, n)
	for name := range r.Header {
		require.Contains(t, []string{"From", "To", "Subject", "Date", "Message-Id", "In-Reply-To", "References", "Auto-Submitted",
			"X-Auto-Response-Suppress", "Mime-Version", "Content-Type"}, name)
	}
	require.NotContains(t, r.subject, "\n")
	require.NotContains(t, r.subject, "\u202e")
	require.Contains(t, r.subject, "q?bad=0d=0aX-Evil:_2", "what looks encoded is shown as it is")
	require.NotContains(t, r.html, "<script")
	require.NotContains(t, r.html, "href", "a link that no browser should open is not one")
	require.NotContains(t, r.text+r.html, "\x1b")
	require.Less(t, len(raw), 300<<10)
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		require.LessOrEqual(t, len(line), 998, "RFC 5322, section 2.1.1")
		require.NotContains(t, line, "\n")
		for _, b := range []byte(line) {
			require.Less(t, b, byte(0x7f), "seven bits pass every server")
		}
	}
}
