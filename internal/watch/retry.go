package watch

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/rollbackd/rollbackd/rollback"
)

// tellAgain is how often it is logged that something fails on for the same reason.
const tellAgain = 10 * time.Minute

// retry is when something that has failed is tried again, and what was logged of it. The zero value is for what has not failed.
type retry struct {
	// pause is that of the newest failure, and at when it ends.
	pause time.Duration
	at    time.Time
	// forbidden is the effect that the API server forbids: it stays so until somebody grants it.
	forbidden effect
	// told is the reason that was logged last, and toldAt when.
	told   string
	toldAt time.Time
}

// failed returns the retry after one more failure: the pause is doubled each time, between minPause and maxPause. tell says whether the
// failure is worth a warning: its reason is another one, or has not been told of for tellAgain.
func (r retry) failed(of effect, err error, now time.Time) (next retry, tell bool) {
	next = retry{pause: min(max(2*r.pause, minPause), maxPause), told: r.told, toldAt: r.toldAt}
	next.at = now.Add(next.pause)
	if rollback.IsForbidden(err) {
		next.forbidden = of
	}
	if reason := err.Error(); reason != r.told || now.Sub(r.toldAt) >= tellAgain {
		next.told, next.toldAt, tell = reason, now, true
	}
	return next, tell
}

// due reports whether an effect is to be tried now. An input from which something followed brings it about at once, with one exception:
// what the API server forbids it would forbid again, however many ticks go by. What a person asks for is tried all the same.
func (r retry) due(want effect, in input, progressed bool, now time.Time) bool {
	if !now.Before(r.at) {
		return true
	}
	if _, tick := in.(measured); tick && r.forbidden == want {
		return false
	}
	return progressed
}

// rests reports whether a read that the API server forbids is not to be made yet.
func (r retry) rests(now time.Time) bool { return r.forbidden != effectNone && now.Before(r.at) }

// worthWarning is the level at which a failure is logged.
func worthWarning(tell bool) zapcore.Level {
	if tell {
		return zap.WarnLevel
	}
	return zap.DebugLevel
}

// cacheSuffices reports whether the workload can be shown without asking the API server.
func (a *actor) cacheSuffices() bool {
	snapshot, ok := a.opts.cached(a.watch)
	return ok && !a.watch.contradicts(snapshot)
}
