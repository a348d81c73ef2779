package job

import (
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// The bounds of what is kept of a log, in bytes.
const (
	// MaxLog is how much is kept: the end.
	MaxLog = 64 << 10
	// margin is how much more is looked at, so that what is masked is known by what stands before it.
	margin = 16 << 10
	// mostRead is how much is read at most of the tail of one container's log.
	mostRead = 16 << 20
)

// lastOf reads to the end and keeps the last bytes.
func lastOf(r io.Reader, keep int) (string, error) {
	buffer := make([]byte, 0, 2*keep)
	chunk := make([]byte, 16<<10)
	limited := io.LimitReader(r, mostRead)
	for {
		n, err := limited.Read(chunk)
		buffer = append(buffer, chunk[:n]...)
		if len(buffer) > 2*keep-len(chunk) {
			buffer = append(buffer[:0], buffer[len(buffer)-keep:]...)
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return string(buffer[max(0, len(buffer)-keep):]), err
		}
	}
}

// Fit makes a log fit to be recorded and shown: secrets are masked, control characters escaped, and only the end is kept, at most
// MaxLog bytes from the beginning of a line.
func Fit(log string) string {
	shown := escape(mask(log))
	if len(shown) <= MaxLog {
		return shown
	}
	end := strings.ToValidUTF8(shown[len(shown)-MaxLog+len(cutOff):], "")
	if _, rest, ok := strings.Cut(end, "\n"); ok && rest != "" {
		end = rest
	}
	return cutOff + end
}

// cutOff stands for what was before.
const cutOff = "…\n"

// escape keeps line ends and tabs, and writes all else that is not shown as it is in the manner of Go.
func escape(text string) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n") {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

const masked = "***"

// mask hides what looks like a secret. It errs on the side of hiding.
func mask(text string) string {
	text = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\z)`).ReplaceAllString(text, masked)
	text = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@]*):[^\s/@]+@`).ReplaceAllString(text, "$1:"+masked+"@")
	text = regexp.MustCompile(`(?i)\b(bearer|basic)[ \t]+[a-z0-9._~+/=-]{6,}`).ReplaceAllString(text, "$1 "+masked)
	text = regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|authorization|cookie)[a-z0-9_.-]*["']?[ \t]*[=:][ \t]*)("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;&"']+)`).
		ReplaceAllString(text, "${1}"+masked)
	text = regexp.MustCompile(`\b(eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?|A[KS]IA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{8,}|sk-[\w-]{20,})`).ReplaceAllString(text, masked)
	return regexp.MustCompile(`[A-Za-z0-9+/_-]{32,}={0,2}`).ReplaceAllStringFunc(text, func(word string) string {
		if random(word) {
			return masked
		}
		return word
	})
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

// LastLine is the last line of a log that is not empty, made fit by Line.
func LastLine(log string, most int) string {
	lines := strings.Split(strings.TrimRight(log, "\n\t "), "\n")
	return Line(lines[len(lines)-1], most)
}

// Line makes of any text one line of at most so many characters that is fit to be recorded.
func Line(text string, most int) string {
	runes := []rune(strings.Join(strings.Fields(escape(mask(text))), " "))
	if len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(runes)
}

// Tail is the last lines of a log that are not empty, side by side, made fit by Line.
func Tail(log string, lines, most int) string {
	var kept []string
	for line := range strings.Lines(log) {
		if line = strings.TrimSpace(line); line != "" {
			kept = append(kept, line)
		}
	}
	return Line(strings.Join(kept[max(0, len(kept)-lines):], " | "), most)
}
