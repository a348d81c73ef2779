package doctor

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/promclient"
)

// ClockFinding appraises a skew. Ticks end by this machine's clock, and their samples are stamped by the other one.
func ClockFinding(skew promclient.Skew, scrape time.Duration) Finding {
	const fix = "set both clocks by NTP"
	switch surely := skew.Surely(); {
	case surely > scrape:
		return Finding{Problem, skew.String() + "; nothing is judged by metrics while they are more than a scrape apart", fix}
	case surely > scrape/2:
		return Finding{Problem, skew.String() + "; ticks would be measured before their samples are there, or without some", fix}
	case surely > time.Second:
		return Finding{Warning, fmt.Sprintf("the clocks of Prometheus and of this machine differ by %s at least", duration(surely)), fix}
	}
	return Finding{Level: OK, Text: fmt.Sprintf("the clocks of Prometheus and of this machine differ by less than %s",
		duration((skew.Ahead.Abs() + skew.Doubt).Round(time.Millisecond)))}
}
