package notifier

import "time"

// Rate bounds how many messages a receiver gets: so many in any span of that length, or a few more where a span is looked at from its middle.
type Rate struct {
	Messages int
	Within   time.Duration
}

// DefaultRate is what receivers that people read can take.
func DefaultRate() Rate { return Rate{Messages: 30, Within: time.Minute} }

// bucket holds a token for each message that may be sent at once. It is a value: whoever takes one keeps what is left.
type bucket struct {
	rate   Rate
	tokens float64
	at     time.Time
}

func newBucket(r Rate) bucket { return bucket{rate: r, tokens: float64(r.Messages)} }

// filled is the bucket at a later time.
func (b bucket) filled(now time.Time) bucket {
	if !b.at.IsZero() && now.After(b.at) {
		b.tokens += float64(now.Sub(b.at)) / float64(b.each())
	}
	b.tokens, b.at = min(b.tokens, float64(b.rate.Messages)), now
	return b
}

// each is the time in which one token comes back.
func (b bucket) each() time.Duration { return b.rate.Within / time.Duration(b.rate.Messages) }

// take takes a token, or says how long there will be none.
func (b bucket) take(now time.Time) (bucket, time.Duration) {
	b = b.filled(now)
	if b.tokens >= 1 {
		b.tokens--
		return b, 0
	}
	return b, max(time.Duration((1-b.tokens)*float64(b.each())), time.Millisecond)
}
