// Package doctor asks Prometheus once for every signal of a workload's policy, and says what is found, what is missing, and what to
// do about it. It needs Prometheus alone, asks it at explicit times only, and changes nothing.
package doctor

import (
	"github.com/rollbackd/rollbackd/analyzer"
)

// Report is what was found for one workload.
type Report struct {
	Workload  string `json:"workload"`
	Namespace string `json:"namespace"`
	Version   string `json:"version,omitempty"`
	Policy    string `json:"policy"`
	// ClockSkew is how many seconds the clock of Prometheus is ahead of this machine's; nil if that could not be told.
	ClockSkew *float64 `json:"clockSkewSeconds,omitempty"`
	// Findings are about Prometheus as a whole.
	Findings []Finding `json:"findings"`
	Signals  []Signal  `json:"signals"`
}

// Problems is the number of findings because of which the workload cannot be judged as its policy says.
func (r Report) Problems() int {
	n := problems(r.Findings)
	for _, s := range r.Signals {
		n += problems(s.Findings)
	}
	return n
}

func problems(findings []Finding) int {
	n := 0
	for _, f := range findings {
		if f.Level == Problem {
			n++
		}
	}
	return n
}

// Level says how much a finding matters.
type Level string

// The levels.
const (
	// OK is as it should be.
	OK Level = "ok"
	// Warning judges, but worse than it could.
	Warning Level = "warning"
	// Problem keeps the signal from being judged as configured.
	Problem Level = "problem"
)

// Finding is one thing to know of a signal.
type Finding struct {
	Level Level  `json:"level"`
	Text  string `json:"text"`
	// Fix says what to do about it.
	Fix string `json:"fix,omitempty"`
}

// Signal is what was found for one signal.
type Signal struct {
	Name string        `json:"name"`
	Kind analyzer.Kind `json:"kind"`
	// Query is the PromQL that shows a person what is counted.
	Query string `json:"query,omitempty"`
	// Series is the number of the workload's series; Pods, Versions and Labels are what was seen in them.
	Series   int      `json:"series"`
	Pods     []string `json:"pods,omitempty"`
	Versions []string `json:"versions,omitempty"`
	Labels   []string `json:"labels,omitempty"`
	// ScrapeSeconds is how far samples lie apart, NewestSeconds how old the newest one is.
	ScrapeSeconds float64 `json:"scrapeSeconds,omitempty"`
	NewestSeconds float64 `json:"newestSeconds,omitempty"`
	// Requests and Bad are what was counted in the newest WindowSeconds.
	WindowSeconds float64 `json:"windowSeconds,omitempty"`
	Requests      uint64  `json:"requests"`
	Bad           uint64  `json:"bad"`
	// Value is what an expression gave.
	Value *float64 `json:"value,omitempty"`
	// Baseline is what a release would be compared with if it came now.
	Baseline *Counts `json:"baseline,omitempty"`
	// Bounds are those of the histogram around the limit, of latency.
	Bounds *Bounds `json:"bounds,omitempty"`
	// Proofs say how long evidence takes at the traffic of the baseline.
	Proofs   []Proof   `json:"proofs,omitempty"`
	Findings []Finding `json:"findings"`
}

func (s *Signal) say(level Level, text, fix string) {
	s.Findings = append(s.Findings, Finding{Level: level, Text: text, Fix: fix})
}

// Counts are requests, and those of them that were bad, over some seconds.
type Counts struct {
	Seconds  float64 `json:"seconds"`
	Requests uint64  `json:"requests"`
	Bad      uint64  `json:"bad"`
}

// Bounds are upper bounds of buckets in seconds.
type Bounds struct {
	Limit float64 `json:"limitSeconds"`
	// Below is the highest bound below the limit and At the first one at or above it; nil if there is none.
	Below *float64 `json:"belowSeconds,omitempty"`
	At    *float64 `json:"atSeconds,omitempty"`
}

// Proof is how long it takes to prove that a fraction of requests is bad; no seconds if that takes longer than the watch.
type Proof struct {
	Fraction float64 `json:"fraction"`
	Seconds  float64 `json:"seconds,omitempty"`
}
