package notifier

import (
	"cmp"
	"context"
	"strings"
	"unicode"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// maxLogged bounds each logged string in runes: a notice may quote an event, and events come from outside.
const maxLogged = 1000

// Log is a Sink that writes each notice to the daemon's log as one structured line.
type Log struct {
	Logger *zap.Logger
	// As is the sink's name; empty means log.
	As string
}

// Name returns As, or "log".
func (l Log) Name() string { return cmp.Or(l.As, "log") }

// Notify logs n. It never fails.
func (l Log) Notify(_ context.Context, n Notice) (bool, error) {
	// The message is constant because console encoders print it raw; fields are always quoted.
	l.Logger.Log(level(n.Severity), "notice", fields(n)...)
	return false, nil
}

func level(s Severity) zapcore.Level {
	switch s {
	case Page:
		return zapcore.ErrorLevel
	case Warn:
		return zapcore.WarnLevel
	default:
		return zapcore.InfoLevel
	}
}

func fields(n Notice) []zap.Field {
	out := []zap.Field{zap.String("severity", oneLine(string(n.Severity))), zap.String("title", oneLine(n.Title))}
	if !n.At.IsZero() {
		out = append(out, zap.Time("at", n.At.UTC()))
	}
	for _, f := range []struct{ key, value string }{
		{"text", n.Text},
		{"environment", n.Environment},
		{"workload", n.Workload},
		{"watch", n.Watch},
		{"incident", n.Incident},
		{"link", n.Link},
	} {
		if f.value != "" {
			out = append(out, zap.String(f.key, oneLine(f.value)))
		}
	}
	return out
}

// oneLine replaces what could break a line or steer a terminal, and bounds the length. zap escapes the ASCII
// controls itself, but not the other controls that some terminals obey, nor characters that reorder text.
func oneLine(s string) string {
	var b strings.Builder
	runes := 0
	for _, r := range s {
		if runes == maxLogged {
			b.WriteRune('…')
			break
		}
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			r = ' '
		}
		b.WriteRune(r)
		runes++
	}
	return b.String()
}
