package diagnosis

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// line is one line of a log, as it is looked at.
type line struct {
	// text is the line without its timestamp and control characters, message what of it tells what happened.
	text, message string
	isError       bool
}

// splitTime takes the time off a line, which the runtime put before it when it took the line.
func splitTime(raw string) (at time.Time, text string) {
	text = strings.TrimRight(raw, "\r\n")
	if first, rest, ok := strings.Cut(text, " "); ok {
		if at, err := time.Parse(time.RFC3339Nano, first); err == nil {
			return at.UTC(), rest
		}
	}
	return time.Time{}, text
}

// readLine takes a line of a log apart; hide hides its secrets.
func readLine(text string, hide func(string) string) line {
	if !mayBeError(text) {
		return line{text: text}
	}
	l := line{text: hide(plainText(text))}
	fields := structured(l.text)
	l.message = fields.message
	if l.message == "" {
		l.message = l.text
	}
	l.isError = fields.tellsError(l.text)
	return l
}

// plainText takes away what colours text, and makes of all else that is not shown a space.
func plainText(text string) string {
	text = escapes.ReplaceAllString(strings.ToValidUTF8(text, "�"), "")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsPrint(r) {
			return r
		}
		if unicode.In(r, unicode.Cf) {
			return -1
		}
		return ' '
	}, text))
}

var (
	// escapes are what a terminal is told: colours, titles, moves.
	escapes = regexp.MustCompile(`\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])`)
	// errorWord tells lines of errors; errorLevel does where the line says its level.
	errorWord  = regexp.MustCompile(`(?i)(?:error|exception|fatal|panic|severe|traceback|critical|oomkilled|failed|failure|refused|denied|timeout|timed out|unable to|cannot|can't|could not|not found|no such)\b`)
	errorLevel = regexp.MustCompile(`(?i)^(?:e|err|error|f|fatal|crit|critical|severe|panic|dpanic|alert|emerg|emergency|50|60)$`)
	// otherLevel is how text says near its beginning that it is no error.
	otherLevel = regexp.MustCompile(`^.{0,60}?\b(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING)\b`)
	klog       = regexp.MustCompile(`^([EFIWD])\d{4} \d\d:\d\d:\d\d`)
)

// mayBeError is a cheap look at a line that is not masked yet; most lines are passed over by it.
func mayBeError(text string) bool {
	if klog.MatchString(text) {
		return true
	}
	lower := strings.ToLower(text)
	for _, word := range []string{"err", "exception", "fatal", "panic", "severe", "traceback", "crit", "oomkilled", "fail", "refused", "denied", "timeout", "timed out",
		"unable", "cannot", "can't", "could not", "not found", "no such", "emerg", "alert", "level\":50", "level\":60"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

// fields are what a structured line says.
type fields struct{ level, message string }

// tellsError reports whether a line tells of an error, by its level where it has one.
func (f fields) tellsError(text string) bool {
	if f.level != "" {
		return errorLevel.MatchString(f.level)
	}
	if m := klog.FindStringSubmatch(text); m != nil {
		return m[1] == "E" || m[1] == "F"
	}
	return errorWord.MatchString(text) && !otherLevel.MatchString(text)
}

// structured reads what a line of JSON or of key=value pairs says; it is empty for others.
func structured(text string) fields {
	if strings.HasPrefix(text, "{") {
		var object map[string]any
		if json.Unmarshal([]byte(text), &object) == nil {
			return fromJSON(object)
		}
	}
	return fromPairs(text)
}

// The keys by which logging libraries write the level, the message and the error.
func levelKeys() []string   { return []string{"level", "severity", "lvl", "log.level", "loglevel"} }
func messageKeys() []string { return []string{"msg", "message", "@message", "event", "log"} }
func errorKeys() []string {
	return []string{"err", "error", "exception", "error.message", "error_message", "cause", "reason", "stack_trace"}
}

func fromJSON(object map[string]any) fields {
	pick := func(keys []string) string {
		for _, key := range keys {
			switch v := object[key].(type) {
			case string:
				if v != "" {
					return v
				}
			case float64:
				return strconv.FormatFloat(v, 'f', -1, 64)
			case map[string]any:
				for _, inner := range []string{"message", "msg", "type", "name"} {
					if s, ok := v[inner].(string); ok && s != "" {
						return s
					}
				}
			}
		}
		return ""
	}
	return fields{level: pick(levelKeys()), message: joined(pick(messageKeys()), pick(errorKeys()))}
}

var pair = regexp.MustCompile(`(?:^|\s)([A-Za-z_.@-]+)=("(?:[^"\\]|\\.)*"|\S*)`)

func fromPairs(text string) fields {
	found := map[string]string{}
	for _, m := range pair.FindAllStringSubmatch(text, -1) {
		value := m[2]
		if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = strings.ReplaceAll(value[1:len(value)-1], `\"`, `"`)
		}
		if _, ok := found[m[1]]; !ok {
			found[m[1]] = value
		}
	}
	pick := func(keys []string) string {
		for _, key := range keys {
			if found[key] != "" {
				return found[key]
			}
		}
		return ""
	}
	f := fields{level: pick(levelKeys()), message: joined(pick(messageKeys()), pick(errorKeys()))}
	if pick(messageKeys()) == "" { // pairs in a line of prose
		f.message = ""
	}
	return f
}

func joined(message, err string) string {
	first, _, _ := strings.Cut(err, "\n") // a stack trace may follow
	switch {
	case message == "" || strings.Contains(first, message):
		return first
	case first == "" || strings.Contains(message, first):
		return message
	}
	return message + ": " + first
}

// Plain makes text of any kind one line that is fit to be shown, without what a terminal would act on.
func Plain(text string) string { return plainText(text) }
