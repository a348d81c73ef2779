package mask

import (
	"regexp"
	"strings"
)

// This file finds what stands below the name of a secret, on lines of its own: in YAML, and in JSON that is spread over lines.

// opens matches a line that names what the lines below it hold: its indentation, with the mark of a list, the name, and what opens a block.
var opens = regexp.MustCompile(`^([ \t]*(?:- +)?)["']?([\w./-]+)["']?[ \t]*:[ \t]*(?:[|>][-+0-9]*|[\[{])?[ \t]*\r?\n?$`)

// pointer matches names of what only says where a secret is.
var pointer = regexp.MustCompile(`(?i)(?:ref|refs|name|names|file|files|path|provider|store|imagePullSecrets)$`)

// blocks finds the lines that are indented below the name of a secret. The name must begin its line: below the last line of a message stands its trace.
func blocks(text string) []span {
	if !strings.Contains(text, "\n") || !hinted(text) {
		return nil
	}
	var found []span
	block := span{from: -1} // what is open; from is -1 until a line of it was seen
	depth, open, at := 0, false, 0
	for line := range strings.Lines(text) {
		body := strings.TrimRight(line, "\r\n")
		indent := len(body) - len(strings.TrimLeft(body, " \t"))
		blank := indent == len(body)
		if open && !blank && indent <= depth && !(indent == depth && strings.HasPrefix(body[indent:], "- ")) {
			found, open = closed(found, block), false
		}
		switch {
		case open && !blank && block.from < 0:
			block = span{at + indent, at + len(body)}
		case open && !blank:
			block.to = at + len(body)
		case !open:
			if m := opens.FindStringSubmatch(line); m != nil && Named(m[2]) && !pointer.MatchString(m[2]) {
				open, depth, block = true, len(m[1]), span{from: -1}
			}
		}
		at += len(line)
	}
	if open {
		found = closed(found, block)
	}
	return found
}

func closed(found []span, block span) []span {
	if block.from < 0 {
		return found
	}
	return append(found, block)
}
