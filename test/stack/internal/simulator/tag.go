package simulator

import (
	"fmt"
	"strings"
	"time"
)

// parseTag reads the behaviour from an image tag. The grammar:
//
//	tag     = version { "-" setting }
//	setting = "errors" percent    errors33, errors0.5: that share of requests fails
//	        | "slow" duration     slow800ms: median latency; the P95 is twice that
//	        | "p95" duration      p951200ms: P95 latency
//	        | "after" duration    after30s: the above only from that age of the pod on
//	        | "onebad"            what is bad is so in one pod of the ReplicaSet only
//	        | "nometrics"         /metrics answers 404
//	        | "noinbound"         /metrics lacks the series of the requests served
//	        | "native"            histograms are exposed as native ones too
//	        | "notready"          the pod does not become ready
//	        | "crash"             the pod's container crashes again and again
//	        | "pullfail"          the pod's image cannot be pulled
//
// The last three are the cluster's business: its stages read them, and the simulator follows what becomes of the pod.
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
		default:
			b.switchOn(word)
		}
	}
	return b, problems
}

// switchOn follows the words of a tag that have no value.
func (b *Behaviour) switchOn(word string) {
	switch word {
	case "onebad":
		b.OneBad = true
	case "nometrics":
		b.MetricsOff = true
	case "noinbound":
		b.NoInbound = true
	case "native":
		b.NativeHistograms = true
	}
}

// splitSetting tells a setting from a part of the version: after the name there must be a number.
func splitSetting(word string) (name, value string) {
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

// imageTag returns the part of an image reference between its last colon and its digest, if any.
func imageTag(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndex(image, "/")+1:]
	_, tag, _ := strings.Cut(image, ":")
	return tag
}
