package app

import (
	"fmt"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/rollbackd/rollbackd/internal/config"
)

// NewLogger returns the daemon's logger with its level, which can be set at any time. It writes to standard error. It never samples: what it says is part of
// the record of why production was changed.
func NewLogger(cfg config.Log) (*zap.Logger, zap.AtomicLevel, error) {
	level, err := zapcore.ParseLevel(cfg.Level)
	if err != nil {
		return nil, zap.AtomicLevel{}, fmt.Errorf("log.level: %w", err)
	}
	z := zap.NewProductionConfig()
	z.Sampling = nil
	z.Level = zap.NewAtomicLevelAt(level)
	z.DisableStacktrace = true
	z.EncoderConfig.TimeKey, z.EncoderConfig.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	if cfg.Format == "console" || (cfg.Format == "auto" && term.IsTerminal(int(os.Stderr.Fd()))) {
		z.Encoding = "console"
		z.DisableCaller = true
		z.EncoderConfig.EncodeLevel = zapcore.CapitalLevelEncoder
	}
	log, err := z.Build()
	return log, z.Level, err
}
