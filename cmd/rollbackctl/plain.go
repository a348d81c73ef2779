package main

import (
	"strconv"
	"strings"
	"unicode"
)

// plain makes text that came from a file or a server fit for a terminal: what does not print is escaped, so that it can neither
// move the cursor nor hide what follows.
func plain(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}
