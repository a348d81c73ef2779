package notifier

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestLogWritesOneHarmlessLine(t *testing.T) {
	config := zap.NewProductionEncoderConfig()
	for name, enc := range map[string]zapcore.Encoder{
		"json":    zapcore.NewJSONEncoder(config),
		"console": zapcore.NewConsoleEncoder(config),
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			sink := Log{Logger: zap.New(zapcore.NewCore(enc, zapcore.AddSync(&out), zap.InfoLevel))}
			n := Notice{
				At: time.Date(2026, 11, 22, 10, 5, 10, 0, time.UTC), Severity: Page,
				Title: "bad\nlevel=fatal \x1b[31m\u009b31m\u202egpj", Text: strings.Repeat("x", 1<<20),
				Workload: "shop/checkout\r\n",
			}
			if retry, err := sink.Notify(t.Context(), n); retry || err != nil {
				t.Fatalf("Notify = %v, %v", retry, err)
			}
			line := out.String()
			if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
				t.Errorf("not one line: %q", line)
			}
			if strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\n\x1b\u009b\u202e") {
				t.Errorf("control characters reached the log: %q", line)
			}
			if len(line) > 4*maxLogged {
				t.Errorf("the line has %d bytes", len(line))
			}
			if !strings.Contains(line, "error") || !strings.Contains(line, `"workload"`) {
				t.Errorf("level or field missing: %q", line)
			}
		})
	}
}

func TestLevels(t *testing.T) {
	for s, want := range map[Severity]zapcore.Level{
		Info: zap.InfoLevel, Warn: zap.WarnLevel, Page: zap.ErrorLevel, "other": zap.InfoLevel,
	} {
		if got := level(s); got != want {
			t.Errorf("level(%q) = %v, want %v", s, got, want)
		}
	}
}
