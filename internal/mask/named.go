package mask

import (
	"regexp"
	"strings"
)

// This file finds secrets by the names that stand before them.

// words are what the names of secrets hold.
const words = `(?:pass(?:word|wd|phrase|code)|pwd|secret|token|api[_.-]?key|(?:access|private|secret|signing|encryption|account|storage|shared|master|session|ssh|auth)[_.-]?key|` +
	`credential|authorization|cookie|session[_.-]?id|otp[_.-]?code|dsn|conn(?:ection)?[_.-]?str(?:ing)?)`

// secretName matches the name of a secret as a whole. A name that ends in "pass" is one, but not "passed" or "bypass". What ends in "key" is
// the name of a secret only as the name of a variable, in capitals: logs are full of other keys.
var secretName = regexp.MustCompile(`(?i)^[\w.-]*(?:` + words + `[\w.-]*|(?:^|[\w.-]*[_.-])pass)$|^(?-i:[a-z][A-Za-z0-9]*Pass)$|` +
	`^(?-i:[A-Z0-9_]+_(?:KEY|AUTH|CREDS|PAT|SALT|PIN)|AUTH|CREDS|SALT)$|^(?:sig|x-(?:amz|goog)-signature)$`)

// hinted reports whether text holds part of any name of a secret. Looking for that is much faster than for the names, and mostly in vain.
func hinted(text string) bool {
	text = strings.ToLower(text)
	for _, hint := range []string{"pass", "pwd", "secret", "token", "key", "cred", "authoriz", "cookie", "session", "otp", "dsn", "str", "auth", "_pat", "_pin", "salt", "sig"} {
		if strings.Contains(text, hint) {
			return true
		}
	}
	return false
}

// mostName is how much of a name is looked at, in bytes.
const mostName = 128

// Named reports whether a variable, key or flag of that name holds a secret.
func Named(variable string) bool {
	variable = strings.TrimLeft(variable[strings.LastIndexByte(variable, '/')+1:], "-")
	return hinted(variable) && secretName.MatchString(variable)
}

// named finds what stands behind the names of secrets: behind = : := => or, of the flag of a command, behind a space. A name may be
// the value of another. Go's regular expressions would take a hundred times as long for this.
func named(text string) []span {
	if !hinted(text) {
		return nil
	}
	var found []span
	for i := range len(text) {
		var name string
		from := i + 1
		switch text[i] {
		case '=', ':':
			name = nameBefore(text[:i])
			if from < len(text) && (text[from] == '>' || text[from] == '=') {
				from++
			}
			from += len(colours.FindString(text[from:]))
		case '-':
			if i > 0 && inName(text[i-1]) {
				continue
			}
			if name, from = flagAt(text, i); name == "" {
				continue
			}
		default:
			continue
		}
		if !Named(name) {
			continue
		}
		if v, ok := value(text[from:], header(name)); ok {
			found = append(found, span{from + v.from, from + v.to})
		}
	}
	return found
}

// colours are what a terminal is told by what colours its log.
var colours = regexp.MustCompile(`^(?:\x1b\[[0-9;]*m)+`)

// nameBefore returns the name that text ends with, without what may stand between it and what assigns a value to it.
func nameBefore(text string) string {
	end := len(text)
	for end > 0 {
		switch c := text[end-1]; {
		case strings.IndexByte(" \t\"'`]\\", c) >= 0:
			end--
			continue
		case c == 'm':
			if esc := strings.LastIndexByte(text[max(0, end-16):end], 0x1b); esc >= 0 && colours.FindString(text[max(0, end-16)+esc:end]) == text[max(0, end-16)+esc:end] {
				end = max(0, end-16) + esc
				continue
			}
		}
		break
	}
	begin := end
	for begin > 0 && end-begin < mostName && inName(text[begin-1]) {
		begin--
	}
	return text[begin:end]
}

// flagAt returns the flag that begins at i if its value follows as a word of its own, and where that may begin.
func flagAt(text string, i int) (name string, from int) {
	end := i
	for end < len(text) && end-i < mostName && inName(text[end]) {
		end++
	}
	if end == len(text) || text[end] != ' ' && text[end] != '\t' {
		return "", 0
	}
	return text[i:end], end
}

func inName(c byte) bool {
	return c == '_' || c == '.' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// header reports whether a name is that of an HTTP header whose value has several words.
func header(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "authorization") || strings.Contains(name, "cookie")
}

// value finds the value that text begins with, without its quotes or brackets.
func value(text string, header bool) (v span, ok bool) {
	rest := strings.TrimLeft(text, " \t")
	from := len(text) - len(rest)
	slashes := len(rest) - len(strings.TrimLeft(rest, `\`))
	unescaped := rest[slashes:]
	switch {
	case unescaped == "" || rest[0] == '\n' || rest[0] == '\r':
		return span{}, false
	case strings.IndexByte("\"'`", unescaped[0]) >= 0:
		from += slashes + 1
		return nonEmpty(from, from+closing(unescaped[1:], unescaped[0], slashes))
	case strings.IndexByte("{[(", rest[0]) >= 0:
		if end := balanced(rest); end > 0 {
			return nonEmpty(from+1, from+end-1)
		}
		return nonEmpty(from+1, from+lineEnd(rest))
	}
	stops := " \t\n\r\"'`"
	if header {
		stops = "\n\r\"'`"
	}
	end := strings.IndexAny(unescaped, stops)
	if end < 0 {
		end = len(unescaped)
	}
	from += slashes
	return nonEmpty(from, from+len(strings.TrimRight(unescaped[:end], `\`)))
}

func nonEmpty(from, to int) (span, bool) { return span{from, to}, to > from }

// closing finds where a quoted value ends: at the quote that has no more backslashes before it than the opening one has, or at the end
// of the line. It returns the length of the value.
func closing(text string, quote byte, slashes int) int {
	for i := range len(text) {
		switch text[i] {
		case '\n':
			return i
		case quote:
			run := 0
			for run < i && text[i-1-run] == '\\' {
				run++
			}
			if run <= slashes {
				return i - run
			}
		}
	}
	return len(text)
}

// balanced returns the length of what text's first character, a bracket, opens; -1 if that does not end on its line.
func balanced(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '\n':
			return -1
		case '{', '[', '(':
			depth++
		case '}', ']', ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

func lineEnd(text string) int {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		return i
	}
	return len(text)
}
