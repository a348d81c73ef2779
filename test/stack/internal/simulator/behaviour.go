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
	// MetricsOff makes /metrics answer 404.
	MetricsOff bool
}

func goodBehaviour() Behaviour { return Behaviour{Median: defaultMedian, P95: defaultP95} }

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
	set(annotationMetrics, func(v string) error { b.MetricsOff = v == "off"; return nil })
	b.P95 = max(b.P95, b.Median)
	if len(problems) > 0 {
		return b, fmt.Errorf("%s", strings.Join(problems, "; "))
	}
	return b, nil
}

// parseTag reads the behaviour from an image tag. The grammar:
//
//	tag     = version { "-" setting }
//	setting = "errors" percent    errors33, errors0.5: that share of requests fails
//	        | "slow" duration     slow800ms: median latency; the P95 is twice that
//	        | "p95" duration      p951200ms: P95 latency
//	        | "after" duration    after30s: the above only from that age of the pod on
//	        | "nometrics"         /metrics answers 404
//
// Anything else belongs to the version, so that tags such as v1.2.3-rc1 mean nothing here.
func parseTag(tag string) (b Behaviour, problems []string) {
	words := strings.Split(tag, "-")
	for _, word := range words[1:] {
		switch name, value := splitSetting(word); name {
		case "errors":
			if err := parseRatio(value, 100, &b.ErrorRatio); err != nil {
				problems = append(problems, fmt.Sprintf("image tag word %q: %v", word, err))
			}
		case "slow":
			problems = parseTagDuration(word, value, &b.Median, problems)
		case "p95":
			problems = parseTagDuration(word, value, &b.P95, problems)
		case "after":
			problems = parseTagDuration(word, value, &b.Onset, problems)
		case "nometrics":
			b.MetricsOff = true
		}
	}
	return b, problems
}

// splitSetting tells a setting from a part of the version: after the name there must be a number.
func splitSetting(word string) (name, value string) {
	if word == "nometrics" {
		return word, ""
	}
	for _, name := range []string{"errors", "slow", "p95", "after"} {
		value, found := strings.CutPrefix(word, name)
		if found && value != "" && value[0] >= '0' && value[0] <= '9' {
			return name, value
		}
	}
	return "", ""
}

func parseTagDuration(word, value string, into *time.Duration, problems []string) []string {
	if err := parseDuration(value, into); err != nil {
		return append(problems, fmt.Sprintf("image tag word %q: %v", word, err))
	}
	return problems
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

// imageTag returns the part of an image reference between its last colon and its digest, if any.
func imageTag(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndex(image, "/")+1:]
	_, tag, _ := strings.Cut(image, ":")
	return tag
}

// at returns the behaviour of a pod of the given age.
func (b Behaviour) at(age time.Duration) Behaviour {
	if age >= b.Onset {
		return b
	}
	good := goodBehaviour()
	good.MetricsOff = b.MetricsOff
	return good
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
