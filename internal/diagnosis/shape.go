package diagnosis

import (
	"regexp"
	"strings"
)

// mostShape is how long a shape is at most, in runes.
const mostShape = 200

// rule replaces what differs from line to line.
type rule struct {
	find *regexp.Regexp
	with string
}

// rules are applied in order: what holds others comes first.
var rules = []rule{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?`), "<time>"},
	{regexp.MustCompile(`\b(?:\d{1,2}/[A-Z][a-z]{2}/\d{4}:)?\d\d:\d\d:\d\d(?:[.,]\d+)?(?: [+-]\d{4})?\b`), "<time>"},
	{regexp.MustCompile(`\b\d{4}[-/]\d\d[-/]\d\d\b`), "<time>"},
	{regexp.MustCompile(`\b[a-z][a-z0-9+.-]*://[^\s"'<>\])]+`), "<url>"},
	{regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "<id>"},
	{regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:->\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?)?`), "<addr>"},
	{regexp.MustCompile(`\[[0-9a-fA-F:]*:[0-9a-fA-F:.]*\](?::\d+)?`), "<addr>"},
	{regexp.MustCompile(`"(?:[^"\\]|\\.)*"`), "<str>"},
	{regexp.MustCompile(`(^|[\s(=:,\[{])'[^']*'`), "${1}<str>"},
	{regexp.MustCompile("`[^`]*`"), "<str>"},
	{regexp.MustCompile(`(?i)\b0x[0-9a-f]+\b`), "<hex>"},
}

var (
	// word is looked at for digits in it: what has some is an identifier or a number.
	word   = regexp.MustCompile(`[A-Za-z0-9_]+`)
	number = regexp.MustCompile(`\d+`)
	dotted = regexp.MustCompile(`<n>(?:[.,]<n>)+`)
	// plainNumber is a number with a unit behind it, or a name with a number: 15ms, worker3, v2.
	plainNumber = regexp.MustCompile(`^(?:[A-Za-z_]*\d+|\d+[A-Za-z_]*)$`)
	hex         = regexp.MustCompile(`^[0-9a-fA-F]{8,}$`)
)

// ShapeOf returns what a line of a log has in common with those that differ from it in times, numbers, addresses, identifiers and quoted
// text. ShapeOf(ShapeOf(s)) is ShapeOf(s).
func ShapeOf(text string) string {
	text = shorten(strings.Join(strings.Fields(text), " "), 4*mostShape)
	for range mostPasses {
		next := shapeOnce(text)
		if next == text {
			break
		}
		text = next
	}
	return text
}

// mostPasses bounds how often text is gone through: what one rule leaves may be what another looks for.
const mostPasses = 5

func shapeOnce(text string) string {
	for _, r := range rules {
		text = r.find.ReplaceAllString(text, r.with)
	}
	text = word.ReplaceAllStringFunc(text, func(w string) string {
		switch {
		case !strings.ContainsAny(w, "0123456789"):
			return w
		case hex.MatchString(w):
			return "<hex>"
		case len(w) >= 20, !plainNumber.MatchString(w):
			return "<id>"
		}
		return number.ReplaceAllString(w, "<n>")
	})
	return shorten(dotted.ReplaceAllString(text, "<n>"), mostShape)
}

// shorten cuts text to so many runes.
func shorten(text string, most int) string {
	n := 0
	for i := range text {
		if n == most {
			return text[:i] + "…"
		}
		n++
	}
	return text
}
