// Package mask hides secrets in text that is about to be recorded or shown. It is pure, and errs on the side of hiding: what it hides
// wrongly costs a word of a log, what it lets through is written down for good.
package mask

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Hidden stands for what was hidden.
const Hidden = "***"

// Masker hides what looks like a secret, and what its owner says is one.
type Masker struct {
	extra []*regexp.Regexp
	// values are known to be secrets.
	values []string
}

// New returns a Masker that hides whatever matches one of the expressions, of Go's syntax, besides what looks like a secret by itself.
func New(extra ...string) (Masker, error) {
	var m Masker
	for _, text := range extra {
		expression, err := regexp.Compile(text)
		if err != nil {
			return Masker{}, fmt.Errorf("%q is no regular expression: %w", text, err)
		}
		if expression.MatchString("") {
			return Masker{}, fmt.Errorf("%q matches everywhere, because it matches nothing too; have it match what is to be hidden", text)
		}
		m.extra = append(m.extra, expression)
	}
	return m, nil
}

const (
	// mostPasses bounds how often text is gone through. What one rule leaves may be what another looks for; the second pass mostly
	// finds nothing.
	mostPasses = 6
	// mostLine is how much of a line is kept, in bytes: looking for secrets takes time with the square of its length at worst.
	mostLine = 16 << 10
)

// Text hides the secrets in text of any number of lines: what stands beside a name such as password or token, in the manner of
// assignments, JSON, YAML, flags and headers, or below it on lines of its own, or in a sentence that tells it; the passwords of well-known commands; the
// user part of URLs and connection strings; JWTs, PEM blocks, the keys of well-known
// providers and long random words; the local part of mail addresses. Lines of more than 16 KiB are cut. Text(Text(s)) is Text(s).
func (m Masker) Text(text string) string {
	text = cutLines(text)
	for range mostPasses {
		next := hide(text, m.secrets(text))
		if next == text {
			break
		}
		text = next
	}
	return text
}

// span is a part of a text.
type span struct{ from, to int }

// secrets finds what is to be hidden. All rules look at the same text, so that none takes from another what that goes by; what they
// find may overlap.
func (m Masker) secrets(text string) []span {
	found := append(named(text), wordsOf(text)...)
	found = append(append(found, spoken(text)...), blocks(text)...)
	if strings.Contains(text, "-----BEGIN ") {
		for _, at := range pem.FindAllStringIndex(text, -1) {
			found = append(found, span{at[0], at[1]})
		}
	}
	for _, expression := range m.extra {
		for _, at := range expression.FindAllStringIndex(text, -1) {
			found = append(found, span{at[0], at[1]})
		}
	}
	found = append(found, m.knownIn(text)...)
	if strings.Contains(text, "@") {
		found = append(found, accounts(text)...)
	}
	return found
}

// hide replaces the spans; those that overlap or touch are one.
func hide(text string, spans []span) string {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	var b strings.Builder
	end := 0
	for i := 0; i < len(spans); {
		one := spans[i]
		for i++; i < len(spans) && spans[i].from <= one.to; i++ {
			one.to = max(one.to, spans[i].to)
		}
		b.WriteString(text[end:one.from])
		b.WriteString(Hidden)
		end = one.to
	}
	b.WriteString(text[end:])
	return b.String()
}

// cutLines cuts what is too long behind a word's end: half of a secret may not show that it is one.
func cutLines(text string) string {
	if len(text) <= mostLine {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if len(line) > mostLine {
			line = line[:strings.LastIndexAny(line[:mostLine-len(cutOff)], " \t")+1] + cutOff
		}
		b.WriteString(line)
	}
	return b.String()
}

// cutOff stands for the rest of a line.
const cutOff = "…\n"

var (
	// pem matches a block of which the end may be missing, because the log was cut or never had it.
	pem = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z)`)
	// known are secrets that are known by how they begin: JWTs, and the keys of AWS, GitHub, GitLab, Slack, Stripe, Google, npm, Vault, SendGrid, Twilio,
	// Mailgun, DigitalOcean, Docker Hub, Grafana, PyPI, Shopify, Square, Hugging Face, Atlassian, Databricks, New Relic, age, and seeds of NATS.
	known = regexp.MustCompile(`\b(?:eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){0,3}|A[KS]IA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|` +
		`xox[abeprs]-[\w-]{8,}|[sr]k_(?:live|test)_\w{10,}|sk-[\w-]{20,}|AIza[\w-]{30,}|npm_\w{30,}|hv[sb]\.[\w-]{20,}|` +
		`SG\.[\w-]{10,}\.[\w-]{10,}|SK[0-9a-f]{32}|key-[0-9a-f]{32}|do[op]_v1_[0-9a-f]{40,}|dckr_pat_[\w-]{20,}|gl(?:sa|c)_[\w=+/-]{20,}|pypi-[\w-]{20,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|` +
		`sq0[a-z]{3}-[\w-]{20,}|hf_[A-Za-z0-9]{30,}|ATATT3[\w=-]{20,}|dapi[0-9a-f]{32}|NRAK-[A-Z0-9]{20,}|ya29\.[\w-]{20,}|whsec_[\w+/=]{20,}|xapp-[\w-]{20,}|AGE-SECRET-KEY-1[A-Z0-9]{20,}|S[AUNOC][A-Z2-7]{56})`)
	// address finds the part of a URL between // and the last @, which a password may hold too.
	address = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://([^\s"'<>]*)@`)
	// account finds what stands before the @ of user:password@host or of a mail address.
	account = regexp.MustCompile(`([^\s@"'<>()\[\]{},;=]+)@[\w.(\[-]`)
	// plainUser is a name that is worth showing, because which user could not log in is what people look for.
	plainUser = regexp.MustCompile(`^[A-Za-z][A-Za-z_-]{0,19}$`)
)

// wordsOf finds the words that are secrets by themselves, or by the scheme of authentication before them.
func wordsOf(text string) []span {
	var found []span
	previous := ""
	for i := 0; i < len(text); {
		if !inWord(text[i]) {
			if text[i] != ' ' && text[i] != '\t' {
				previous = ""
			}
			i++
			continue
		}
		begin := i
		for i < len(text) && inWord(text[i]) {
			i++
		}
		word := text[begin:i]
		switch {
		case len(word) >= 6 && isScheme(previous):
			found = append(found, span{begin, i})
		case len(word) >= 12:
			if at := known.FindStringIndex(word); at != nil {
				found = append(found, span{begin + at[0], i})
			}
			found = append(found, randomParts(word, begin)...)
		}
		previous = word
	}
	return found
}

// isScheme reports whether a word is a scheme of the header Authorization.
func isScheme(word string) bool {
	switch len(word) {
	case 5, 6, 9:
		return slices.Contains([]string{"basic", "bearer", "apikey", "negotiate"}, strings.ToLower(word))
	}
	return false
}

func inWord(c byte) bool { return inName(c) || c == '+' || c == '/' || c == '=' || c == '~' }

// randomParts finds the long random parts of a word, which dots and the like divide.
func randomParts(word string, at int) []span {
	var found []span
	for i := 0; i < len(word); {
		begin := i
		for i < len(word) && word[i] != '.' && word[i] != '~' && word[i] != '=' {
			i++
		}
		if i-begin >= 32 && random(word[begin:i]) {
			found = append(found, span{at + begin, at + i})
		}
		i++
	}
	return found
}

// accounts finds what stands before an @.
func accounts(text string) []span {
	var found []span
	for _, at := range address.FindAllStringSubmatchIndex(text, -1) {
		found = append(found, userinfo(text, span{at[2], at[3]}))
	}
	for _, at := range account.FindAllStringSubmatchIndex(text, -1) {
		if s, ok := mailbox(text, span{at[2], at[3]}); ok {
			found = append(found, s)
		}
	}
	return found
}

// userinfo is what is hidden of the user part of a URL: not a plain name that stands before a password.
func userinfo(text string, at span) span {
	user, secret, both := strings.Cut(text[at.from:at.to], ":")
	if both && plainUser.MatchString(user) && secret != "x-oauth-basic" {
		at.from += len(user) + 1
	}
	return at
}

// mailbox is what is hidden before an @ that is no URL's. An image's digest is no host.
func mailbox(text string, at span) (span, bool) {
	before := text[at.from:at.to]
	if strings.HasPrefix(text[at.to:], "@sha256") || strings.Contains(before, "://") {
		return at, false
	}
	return userinfo(text, at), true
}

// random reports whether a long word looks like a token and not like a name, a path or a checksum: it mixes digits and both cases.
func random(word string) bool {
	var digits, upper, lower int
	for _, r := range word {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'A' && r <= 'Z':
			upper++
		case r >= 'a' && r <= 'z':
			lower++
		}
	}
	return digits >= 3 && upper >= 3 && lower >= 3
}
