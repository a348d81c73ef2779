package config

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// Warnings returns what works, but is likely not meant.
func (c *Config) Warnings() []Finding {
	var out []Finding
	warn := func(path []any, format string, args ...any) {
		out = append(out, findingAt(c.root, path, format, args...))
	}
	c.unreachable(warn)
	c.outrunBudgets(warn)
	c.unheard(warn)
	c.unheld(warn)
	c.endless(warn)
	acting := false
	for i, p := range c.Policies {
		acting = acting || p.lastAutomatic() > 0
		for j, s := range p.Signals {
			at := []any{"policies", i, "signals", j}
			w := signalWarnings{Signal: s, at: at, warn: warn, given: (&checker{root: c.root}).given}
			w.strict(p)
			w.neverActs(p)
			w.bound()
			w.halfOverridden()
		}
	}
	if !acting {
		warn([]any{"policies"}, "every policy only observes, so nothing is ever rolled back; set mode: automatic where the records have convinced you")
	}
	sortFindings(out)
	return out
}

// lastAutomatic is when the last stage ends that rolls back, 0 if none does.
func (p Policy) lastAutomatic() time.Duration {
	var last time.Duration
	for _, s := range p.Stages.named() {
		if s.Mode == watch.Automatic {
			last = time.Duration(s.Until)
		}
	}
	return last
}

// signalWarnings are those of one signal.
type signalWarnings struct {
	Signal
	at    []any
	warn  func(path []any, format string, args ...any)
	given func(path []any) bool
}

func (w signalWarnings) field(path ...any) []any { return append(slices.Clone(w.at), path...) }

func (w signalWarnings) strict(p Policy) {
	if w.Strict && p.lastAutomatic() > 0 {
		w.warn(w.field("strict"), "true is outside the bound on false rollbacks: in automatic mode it rolls back healthy releases by chance, "+
			"whatever alpha says; remove it, or set mode: observe")
	}
}

// neverActs tells of rules whose time is over before they could act.
func (w signalWarnings) neverActs(p Policy) {
	if last := p.lastAutomatic(); last > 0 && time.Duration(w.For) >= last {
		w.warn(w.field("for"), "%s is no shorter than the time in which the policy rolls back by itself, which ends after %s; make it shorter, or the stages longer",
			w.For, shown(last))
	}
}

// bound tells of latency limits between the buckets: what is slow but below the next bound is not counted.
func (w signalWarnings) bound() {
	if w.Kind != analyzer.KindLatency {
		return
	}
	limit := w.objective().Limit()
	text := fmt.Sprintf("the limit of %s (slo plus tolerance)", shown(limit))
	bounds, preset := w.presetBounds()
	switch below, at, ok := bounds.Bound(limit); {
	case !preset && !likelyBound(limit, time.Duration(w.Unit)):
		w.warn(w.field("slo"), "%s is hardly a bound of the histogram; choose slo and tolerance so that their limit is one, or the next bound above it counts", text)
	case preset && !ok:
		w.warn(w.field("slo"), "%s is above %s, the highest bound that these series have unless others were configured; without a bound at or above it nothing can be judged",
			text, shown(below))
	case preset && at != limit:
		w.warn(w.field("slo"), "%s is none of the bounds that these series have unless others were configured: what takes up to %s is not held slow; "+
			"configure buckets with this bound, or choose a limit of %s", text, shown(at), alternatives(below, at))
	}
}

func alternatives(below, at time.Duration) string {
	if below == 0 {
		return shown(at)
	}
	return shown(below) + " or " + shown(at)
}

// presetBounds are the bounds of the signal's preset, if it is by these that it is judged.
func (w signalWarnings) presetBounds() (PresetLatency, bool) {
	all, err := readPresets(presetsYAML)
	if p, ok := all[w.Preset]; err == nil && ok && p.Latency != nil && !w.given(w.field("histogram")) {
		return *p.Latency, true
	}
	return PresetLatency{}, false
}

// likelyBound reports whether somebody may have chosen the limit for a bucket: 0.5, 0.6, 0.75, 1.2 and the like.
func likelyBound(limit, unit time.Duration) bool {
	bound := float64(limit) / float64(unit)
	digits := bound / math.Pow(10, math.Floor(math.Log10(bound))-1) // between 10 and 100
	whole := math.Round(digits)
	return math.Abs(digits-whole) < 1e-6 && (int(whole)%5 == 0 || whole == 12)
}

// halfOverridden tells of a signal that names one of its two counters and has the other one from its preset.
func (w signalWarnings) halfOverridden() {
	if w.Preset == "" || w.Kind != analyzer.KindErrorRate {
		return
	}
	requests, errors := w.given(w.field("requests")), w.given(w.field("errors"))
	if requests && !errors {
		w.warn(w.field("requests"), "is given, but errors is still %q of the preset; name both, so that the errors are a part of these requests", w.Errors)
	}
}
