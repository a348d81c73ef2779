package promclient

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Skew is how far the clock of Prometheus is ahead of this machine's (behind, where it is negative), and by how much that may be
// wrong.
type Skew struct{ Ahead, Doubt time.Duration }

// Surely is how far the clocks are apart at least, in either direction.
func (s Skew) Surely() time.Duration { return max(0, s.Ahead.Abs()-s.Doubt) }

// String tells the skew as seen from here.
func (s Skew) String() string {
	direction := "ahead of"
	if s.Ahead < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("the clock of Prometheus is about %s %s this machine's", s.Ahead.Abs().Round(100*time.Millisecond), direction)
}

// furthest is the largest time that is believed, in seconds: the end of the year 9999.
const furthest = 253_402_300_799

// ReadSkew asks Prometheus for its time, which it tells where no time is asked for, and compares it with now. It costs about as
// much as any question can.
func ReadSkew(ctx context.Context, prometheus v1.API, now func() time.Time) (Skew, error) {
	before := now()
	value, _, _, err := prometheus.Query(ctx, "time()", time.Time{})
	if err != nil {
		return Skew{}, err
	}
	took := now().Sub(before)
	theirs, ok := value.(*model.Scalar)
	if !ok {
		return Skew{}, errors.New("the answer to time() is no number; is this address Prometheus?")
	}
	seconds := float64(theirs.Value)
	if !(seconds > 0 && seconds < furthest) {
		return Skew{}, fmt.Errorf("the answer to time() is %v, which is no time", seconds)
	}
	whole, part := math.Modf(seconds)
	at := time.Unix(int64(whole), int64(part*1e9))
	// It was told at some moment of the exchange, and cut to a millisecond.
	return Skew{Ahead: at.Sub(before.Add(took / 2)), Doubt: took/2 + time.Millisecond}, nil
}
