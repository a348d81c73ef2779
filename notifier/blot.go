package notifier

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// blot stands where a secret was.
const blot = "[secret]"

// minSecret is the length in bytes from which on a string is blotted out. Shorter ones are found in any text.
const minSecret = 6

// quote makes of what a receiver or the network said a part of an error: one line, bounded, with everything blotted out of it that the
// request carried and that may be secret. A receiver may say back what it was sent.
func (c httpCall) quote(req *http.Request, said string) string {
	// Blotting comes before cutting, which could leave a part of a secret that is not found any more.
	said = blotOut(said, append(secretsOf(req), c.Secrets...))
	return cut(strings.TrimSpace(oneLine(strings.ToValidUTF8(said, ""))), maxQuoted)
}

// blotOut replaces each of the secrets, and its forms in a URL and in JSON, longest first: one may be a part of another.
func blotOut(text string, secrets []string) string {
	var forms []string
	for _, s := range secrets {
		s = strings.TrimSpace(s)
		if len(s) < minSecret {
			continue
		}
		forms = append(forms, s, url.QueryEscape(s), url.PathEscape(s), strings.ReplaceAll(s, "/", `\/`), inJSON(s))
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	for _, f := range forms {
		text = strings.ReplaceAll(text, f, blot)
	}
	return text
}

// inJSON is s as Go writes it between the quotes of a JSON string.
func inJSON(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return string(quoted[1 : len(quoted)-1])
}

// plainHeaders say nothing that anybody would want to hide.
var plainHeaders = []string{"Accept", "Accept-Encoding", "Content-Length", "Content-Type", "User-Agent"}

// secretsOf are the strings of a request that may be secret: what its headers hold, and its URL but for the host.
func secretsOf(req *http.Request) []string {
	var out []string
	for name, values := range req.Header {
		if slices.Contains(plainHeaders, name) {
			continue
		}
		for _, v := range values {
			out = append(out, v)
			if _, credentials, ok := strings.Cut(v, " "); ok {
				out = append(out, credentials, basicPassword(credentials))
			}
		}
	}
	u := req.URL
	if password, ok := u.User.Password(); ok {
		out = append(out, password)
	}
	out = append(out, u.RequestURI(), u.RawQuery)
	for _, values := range u.Query() {
		out = append(out, values...)
	}
	// A part of a path is secret if it looks like a key: names such as api and services would blot out words.
	for part := range strings.SplitSeq(u.Path, "/") {
		if len(part) >= 16 || strings.ContainsAny(part, "0123456789") {
			out = append(out, part)
		}
	}
	return out
}

// basicPassword is the password in basic credentials, or nothing.
func basicPassword(credentials string) string {
	plain, err := base64.StdEncoding.DecodeString(credentials)
	if err != nil || !utf8.Valid(plain) {
		return ""
	}
	_, password, _ := strings.Cut(string(plain), ":")
	return password
}
