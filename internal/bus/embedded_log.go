package bus

import (
	"fmt"
	"strings"
	"sync"

	"go.uber.org/zap"
)

// serverLog passes the embedded server's lines on. They are values of a field, because clients can put text into
// them, and only fields are escaped in every encoding.
type serverLog struct {
	log *zap.Logger

	mu    sync.Mutex
	cause error
}

func newServerLog(log *zap.Logger) *serverLog { return &serverLog{log: log} }

// fatal is what kept the server from running, if anything did.
func (l *serverLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// Noticef implements server.Logger.
func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug("server", line(format, v)) }

// Warnf implements server.Logger.
func (l *serverLog) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, "Plaintext passwords detected") {
		return // they are in the memory of this process, which read them from the users' files
	}
	l.log.Warn("server", line(format, v))
}

// Errorf implements server.Logger.
func (l *serverLog) Errorf(format string, v ...any) { l.log.Error("server", line(format, v)) }

// Debugf implements server.Logger.
func (l *serverLog) Debugf(format string, v ...any) { l.log.Debug("server", line(format, v)) }

// Tracef implements server.Logger.
func (l *serverLog) Tracef(format string, v ...any) { l.log.Debug("server", line(format, v)) }

// Fatalf implements server.Logger. It does not end the process: the daemon decides what a dead server means.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	if l.cause == nil {
		l.cause = fmt.Errorf(format, v...)
	}
	l.mu.Unlock()
	l.log.Error("server", line(format, v))
}

func line(format string, v []any) zap.Field { return zap.String("line", fmt.Sprintf(format, v...)) }
