package incident

import (
	"strings"
	"unicode"

	"github.com/rollbackd/rollbackd/rollback"
)

// The bounds, in runes, of what is quoted from an event or a server.
const (
	maxText = 300
	maxCode = 2000
)

// text makes s harmless in Markdown and in the HTML made from it: one line, bounded, with no markup, link, mention or
// control character left. Every string that is not a constant of ours goes through text or code. It must not be
// put first on a line, where further characters have a meaning.
func text(s string) string {
	var b strings.Builder
	runes := []rune(clean(s, maxText))
	for i, r := range runes {
		escapeRune(&b, r, at(runes, i-1), at(runes, i+1))
	}
	// What looks like an address would be made a link even without markup.
	return strings.NewReplacer("://", "&#58;//", "www.", "www&#46;").Replace(b.String())
}

func escapeRune(b *strings.Builder, r, before, after rune) {
	switch {
	case r == '&':
		b.WriteString("&amp;")
	case r == '<':
		b.WriteString("&lt;")
	case r == '>':
		b.WriteString("&gt;")
	case r == '@' && !word(before):
		b.WriteString("&#64;")
	// Inside a word an underscore means nothing, and names are full of them.
	case strings.ContainsRune("\\`*[]|~$", r), r == '_' && !(word(before) && word(after)):
		b.WriteRune('\\')
		b.WriteRune(r)
	default:
		b.WriteRune(r)
	}
}

// code returns s as a Markdown code span, in which nothing but the fence has a meaning.
func code(s string) string {
	s = clean(s, maxCode)
	if s == "" {
		return "(none)"
	}
	fence := strings.Repeat("`", longestRun(s, '`')+1)
	if len(fence) > 1 {
		// A space keeps a leading or trailing backtick apart from the fence; Markdown takes it off again.
		s = " " + s + " "
	}
	return fence + s + fence
}

// clean returns s as one bounded line without control characters or characters that reorder text.
func clean(s string, bound int) string {
	var b strings.Builder
	runes, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			space = true
			continue
		}
		if runes >= bound {
			b.WriteRune('…')
			break
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
			runes++
		}
		space = false
		b.WriteRune(r)
		runes++
	}
	return b.String()
}

// shell quotes s as one word for a POSIX shell, where that is needed.
func shell(s string) string { return rollback.ShellWord(clean(s, maxText)) }

// plain reports whether r means nothing to a shell, a file system or a log reader.
func plain(r rune) bool {
	return r < unicode.MaxASCII && (word(r) || strings.ContainsRune("._-/", r))
}

func word(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func at(runes []rune, i int) rune {
	if i < 0 || i >= len(runes) {
		return 0
	}
	return runes[i]
}

func longestRun(s string, of rune) int {
	longest, run := 0, 0
	for _, r := range s {
		if r != of {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
