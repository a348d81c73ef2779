package simulator

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// The annotations of a pod that say how it behaves. They win over the image tag.
const (
	annotationPrefix     = "sim.rollbackd.dev/"
	annotationErrorRatio = annotationPrefix + "error-ratio"
	annotationLatency    = annotationPrefix + "latency"
	annotationLatencyP95 = annotationPrefix + "latency-p95"
	annotationOnset      = annotationPrefix + "onset"
	annotationMetrics    = annotationPrefix + "metrics"
	annotationScrape     = annotationPrefix + "scrape"
	annotationReset      = annotationPrefix + "reset"
	annotationOneBad     = annotationPrefix + "onebad"
	annotationCalls      = annotationPrefix + "calls"
	annotationHistograms = annotationPrefix + "histograms"
)

const (
	defaultMedian = 20 * time.Millisecond
	defaultP95    = 40 * time.Millisecond
)

// Behaviour is how a pod answers requests.
type Behaviour struct {
	// ErrorRatio is the share of requests that are answered with status 500, from 0 to 1.
	ErrorRatio float64
	// Median and P95 fix the lognormal distribution of the answers' latency.
	Median, P95 time.Duration
	// Onset is the age of the pod from which ErrorRatio, Median and P95 hold.
	Onset time.Duration
	// OneBad confines everything bad to the first of the ready pods of the ReplicaSet, in the order of their names.
	OneBad bool
	// MetricsOff makes /metrics answer 404.
	MetricsOff bool
	// NoInbound leaves out of /metrics what tells of the requests served.
	NoInbound bool
	// Scrape is how /metrics fails.
	Scrape ScrapeFailure
	// Reset makes the metrics start over whenever it changes; what it says means nothing.
	Reset string
	// Calls is the Service, or namespace/Service, that is called for every request, if any.
	Calls string
	// NativeHistograms exposes histograms as native ones besides the classic ones. It holds from the next start of the
	// container or reset of the metrics on.
	NativeHistograms bool
}

// ParseBehaviour reads the image tag and then the annotations. A setting that cannot be read is
// reported and has no effect; the others hold, so that a typing error does not stop a pod.
func ParseBehaviour(image string, annotations map[string]string) (Behaviour, error) {
	b, problems := parseTag(imageTag(image))
	p95Set := b.P95 != 0
	if !p95Set {
		b.P95 = defaultP95
	}
	if b.Median != 0 && !p95Set {
		b.P95 = 2 * b.Median
	}
	if b.Median == 0 {
		b.Median = defaultMedian
	}
	return b.annotated(annotations, problems)
}

func (b Behaviour) annotated(annotations map[string]string, problems []string) (Behaviour, error) {
	set := func(name string, apply func(string) error) {
		value, given := annotations[name]
		if !given {
			return
		}
		if err := apply(value); err != nil {
			problems = append(problems, fmt.Sprintf("annotation %s: %v", name, err))
		}
	}
	set(annotationErrorRatio, func(v string) (err error) { return parseRatio(v, 1, &b.ErrorRatio) })
	set(annotationLatency, func(v string) error {
		if err := parseDuration(v, &b.Median); err != nil {
			return err
		}
		b.P95 = 2 * b.Median
		return nil
	})
	set(annotationLatencyP95, func(v string) error { return parseDuration(v, &b.P95) })
	set(annotationOnset, func(v string) error { return parseDuration(v, &b.Onset) })
	set(annotationMetrics, b.parseMetrics)
	set(annotationScrape, b.Scrape.parse)
	set(annotationReset, func(v string) error { b.Reset = v; return nil })
	set(annotationOneBad, func(v string) error { return parseSwitch(v, &b.OneBad) })
	set(annotationCalls, func(v string) error { return parseCallee(v, &b.Calls) })
	set(annotationHistograms, b.parseHistograms)
	b.P95 = max(b.P95, b.Median)
	if len(problems) > 0 {
		return b, fmt.Errorf("%s", strings.Join(problems, "; "))
	}
	return b, nil
}

func parseRatio(text string, whole float64, into *float64) error {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || !(number >= 0 && number <= whole) {
		return fmt.Errorf("%q is not a number from 0 to %g", text, whole)
	}
	*into = number / whole
	return nil
}

func parseDuration(text string, into *time.Duration) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration such as 20ms", text)
	}
	*into = d
	return nil
}

// parseSwitch reads a switch. What is neither on nor off is a typing error.
func parseSwitch(text string, into *bool) error {
	if text != "on" && text != "off" {
		return fmt.Errorf("%q is neither on nor off", text)
	}
	*into = text == "on"
	return nil
}

// parseMetrics reads what /metrics shows.
func (b *Behaviour) parseMetrics(text string) error {
	switch text {
	case "on", "off", "no-inbound":
		b.MetricsOff, b.NoInbound = text == "off", text == "no-inbound"
		return nil
	}
	return fmt.Errorf("%q is none of on, off and no-inbound", text)
}

// parseHistograms reads which kinds of histograms are exposed.
func (b *Behaviour) parseHistograms(text string) error {
	if text != "classic" && text != "native" {
		return fmt.Errorf("%q is neither classic nor native", text)
	}
	b.NativeHistograms = text == "native"
	return nil
}

// at returns the behaviour of a pod of the given age; chosen tells whether it is the one that OneBad means.
func (b Behaviour) at(age time.Duration, chosen bool) Behaviour {
	spared := b.OneBad && !chosen
	if spared {
		b.MetricsOff, b.NoInbound, b.Scrape = false, false, ScrapeAnswered
	}
	if spared || age < b.Onset {
		b.ErrorRatio, b.Median, b.P95 = 0, defaultMedian, defaultP95
	}
	return b
}

// fails draws whether one request fails.
func (b Behaviour) fails() bool { return rand.Float64() < b.ErrorRatio }

// latency draws the latency of one request from the lognormal distribution through Median and P95.
func (b Behaviour) latency() time.Duration {
	if b.Median == 0 {
		return 0
	}
	const z95 = 1.6448536269514722 // The 95th percentile of the standard normal distribution.
	sigma := math.Log(float64(b.P95)/float64(b.Median)) / z95
	return time.Duration(float64(b.Median) * math.Exp(sigma*rand.NormFloat64()))
}
