package job

import (
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/rollbackd/rollbackd/internal/mask"
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
func Fit(log string, hide mask.Masker) string {
	shown := escape(hide.Text(log))
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

// LastLine is the last line of a log that is not empty, made fit by Line.
func LastLine(log string, most int) string {
	lines := strings.Split(strings.TrimRight(log, "\n\t "), "\n")
	return Line(lines[len(lines)-1], most)
}

// Line makes of any text one line of at most so many characters that is fit to be recorded.
func Line(text string, most int) string {
	runes := []rune(strings.Join(strings.Fields(escape(mask.Masker{}.Text(text))), " "))
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
