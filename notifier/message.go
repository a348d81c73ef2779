package notifier

import (
	"strings"
	"unicode"
)

// MaxMessage is the most characters that a message has, its link included.
const MaxMessage = 500

// mostLink is the longest link that a message ends with; a longer one is left out, because half of a link is none.
const mostLink = 250

// Message tells a notice in a few lines: the title, the number against its limit, what was done, what is left to do, and the link. What
// is too long is cut, but never the link. It is the same in every language of markup, because it has none: a sink escapes it.
func Message(n Notice) string {
	lines := []string{n.Title}
	if numbers := Numbers(n); numbers != "" {
		lines = append(lines, numbers)
	}
	lines = append(lines, n.Action)
	if n.Next != "" {
		lines = append(lines, "Next: "+n.Next)
	}
	if n.Action == "" && n.Next == "" || len(n.Group) > 0 {
		lines = append(lines, n.Text)
	}
	return fit(lines, n.Link)
}

// Numbers tells what the signal that decided showed, against its limit and what it showed before; empty if there is no such signal.
func Numbers(n Notice) string {
	if n.Value == "" {
		return ""
	}
	text := n.Value
	if n.Signal != "" {
		text = n.Signal + ": " + text
	}
	var beside []string
	for _, part := range []struct{ name, value string }{{"limit", n.Limit}, {"before", n.Baseline}} {
		if part.value != "" {
			beside = append(beside, part.name+" "+part.value)
		}
	}
	if len(beside) > 0 {
		text += " (" + strings.Join(beside, ", ") + ")"
	}
	return text
}

// fit joins lines, each made harmless, and a link to at most MaxMessage characters.
func fit(lines []string, link string) string {
	room := MaxMessage
	if link = plain(link, mostLink+1); len([]rune(link)) > mostLink {
		link = ""
	}
	if link != "" {
		room -= len([]rune(link)) + 1
	}
	var kept []string
	for _, line := range lines {
		if line = plain(line, MaxMessage+1); line != "" {
			kept = append(kept, line)
		}
	}
	text := cut(strings.Join(kept, "\n"), room)
	if link != "" {
		text = strings.TrimPrefix(text+"\n"+link, "\n")
	}
	return text
}

// cut shortens text to at most so many characters, the last of which then tells that something is missing.
func cut(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return strings.TrimRightFunc(string(runes[:max(most-1, 0)]), unicode.IsSpace) + "…"
}

// plain makes text one line without anything that steers a terminal or reorders what is shown, of at most so many characters.
func plain(text string, most int) string {
	var b strings.Builder
	count, space := 0, false
	for _, r := range text {
		if count >= most {
			break
		}
		if unicode.IsControl(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			space = count > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			count, space = count+1, false
		}
		b.WriteRune(r)
		count++
	}
	return b.String()
}
