package doctor

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Clock compares the clock of a server with this machine's by the time in its answers, which is of whole seconds.
type Clock struct {
	// Client and URL are those of Prometheus; Now is this machine's clock.
	Client *http.Client
	URL    string
	Now    func() time.Time
}

// Skew returns how far the server's clock is ahead, and by how much that may be wrong.
func (c Clock) Skew(ctx context.Context) (skew, doubt time.Duration, err error) {
	before := c.Now()
	query := url.Values{"query": {"vector(1)"}, "time": {strconv.FormatInt(before.Unix(), 10)}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.URL, "/")+"/api/v1/query?"+query.Encode(), nil)
	if err != nil {
		return 0, 0, err
	}
	answer, err := c.Client.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close()
	after := c.Now()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)) // so that the connection can be used again
	theirs, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return 0, 0, fmt.Errorf("the answer tells no time: %w", err)
	}
	took := after.Sub(before)
	// The time was cut to a second, and told at some moment of the exchange.
	return theirs.Add(500 * time.Millisecond).Sub(before.Add(took / 2)), 500*time.Millisecond + took/2, nil
}

// ClockFinding appraises a skew. Ticks end by this machine's clock, and their samples are stamped by the other one.
func ClockFinding(skew, doubt, scrape time.Duration) Finding {
	surely := time.Duration(math.Abs(float64(skew))) - doubt
	switch {
	case surely > scrape/2:
		direction := "ahead of"
		if skew < 0 {
			direction = "behind"
		}
		return Finding{Problem, fmt.Sprintf("the clock of Prometheus is about %s %s this machine's; ticks would be measured before their samples are there, or without some",
			duration(time.Duration(math.Abs(float64(skew)))), direction), "set both clocks by NTP"}
	case surely > 0:
		return Finding{Warning, fmt.Sprintf("the clocks of Prometheus and of this machine differ by %s at least", duration(surely)), "set both clocks by NTP"}
	}
	return Finding{Level: OK, Text: fmt.Sprintf("the clocks of Prometheus and of this machine differ by less than %s", duration(time.Duration(math.Abs(float64(skew)))+doubt))}
}
