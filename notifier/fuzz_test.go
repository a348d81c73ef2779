package notifier

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzSlackEscape: no text makes markup, and none is longer than it may be.
func FuzzSlackEscape(f *testing.F) {
	f.Add("<!channel> & <@U1|x>\n", 20)
	f.Add("a&b", 4)
	f.Add("\xff\u202e", 1)
	f.Fuzz(func(t *testing.T, text string, most int) {
		if most < 1 || most > 5000 {
			return
		}
		got := slackEscape(text, most)
		if n := utf8.RuneCountInString(got); n > most || strings.ContainsAny(got, "<>\n\r\x00") || !utf8.ValidString(got) {
			t.Fatalf("slackEscape(%q, %d) = %q", text, most, got)
		}
		if rest := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(got); strings.Contains(rest, "&") {
			t.Fatalf("slackEscape(%q, %d) = %q has half an escape", text, most, got)
		}
		if whole := slackEscape(text, 1<<30); html.UnescapeString(whole) != plain(text, 1<<30) {
			t.Fatalf("slackEscape(%q) = %q does not read as the text", text, whole)
		}
	})
}

// FuzzErrorsHaveNoSecrets: whatever a receiver makes of a secret that it was sent, what is quoted of it does not have the secret.
func FuzzErrorsHaveNoSecrets(f *testing.F) {
	f.Add("xoxb-1234567890", "you sent ", " and it is wrong")
	f.Add("a/b c&d\"e<f>", "{\"token\":\"", "\"}")
	f.Add("[secret]", "[sec", "ret]")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		secret = strings.TrimSpace(secret)
		if len(secret) < minSecret || len(secret) > 200 || !utf8.ValidString(secret) || secret != oneLine(secret) || strings.ContainsAny(secret, "[]") {
			return // too short to be one, no header could carry it, or what stands in its place could be a part of it
		}
		req, err := http.NewRequest(http.MethodPost, "https://receiver.example/x?key="+url.QueryEscape(secret), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), inJSON(secret)} {
			if said := (httpCall{}).quote(req, before+form+after); strings.Contains(said, secret) {
				t.Fatalf("%q is shown: %q", secret, said)
			}
		}
	})
}
