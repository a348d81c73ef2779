package config

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"

	"github.com/rollbackd/rollbackd/analyzer"
)

//go:embed presets.yaml
var presetsYAML []byte

// Preset is how one instrumentation counts requests: what a signal that names it takes over unless it says otherwise.
type Preset struct {
	// Name is what signals call it by.
	Name string `yaml:"-"`
	// About says which instrumentation this is and of which versions, Needs what must be so for its names to be these, and
	// Source where they were looked up.
	About  string `yaml:"about"`
	Needs  string `yaml:"needs"`
	Source string `yaml:"source"`
	// ErrorRate and Latency are nil if the preset has nothing for that kind of signal.
	ErrorRate *PresetErrorRate `yaml:"error-rate"`
	Latency   *PresetLatency   `yaml:"latency"`
	// Dependencies is nil if the instrumentation does not tell who calls whom.
	Dependencies *PresetDependencies `yaml:"dependencies"`
	Labels       Labels              `yaml:"labels"`
}

// PresetErrorRate is a preset's part for signals of kind error-rate.
type PresetErrorRate struct {
	Requests string `yaml:"requests"`
	Errors   string `yaml:"errors"`
}

// PresetLatency is a preset's part for signals of kind latency.
type PresetLatency struct {
	Histogram string         `yaml:"histogram"`
	Unit      model.Duration `yaml:"unit"`
	// Bounds are the finite bounds of the buckets, in units, as they are unless somebody configured others.
	Bounds []float64 `yaml:"bounds"`
}

// PresetDependencies is a preset's part for guards.dependencies.
type PresetDependencies struct {
	Requests string     `yaml:"requests"`
	Errors   string     `yaml:"errors"`
	Labels   EdgeLabels `yaml:"labels"`
}

// Presets returns all presets in the order of their names.
func Presets() ([]Preset, error) {
	all, err := readPresets(presetsYAML)
	if err != nil {
		return nil, err
	}
	var out []Preset
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name])
	}
	return out, nil
}

func readPresets(data []byte) (map[string]Preset, error) {
	var all map[string]Preset
	if err := yaml.Load(data, &all, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("read the presets: %w", err)
	}
	for name, p := range all {
		p.Name = name
		all[name] = p
	}
	return all, nil
}

// Kinds are the kinds of signals that the preset has something for.
func (p Preset) Kinds() []analyzer.Kind {
	var out []analyzer.Kind
	if p.ErrorRate != nil {
		out = append(out, analyzer.KindErrorRate)
	}
	if p.Latency != nil {
		out = append(out, analyzer.KindLatency)
	}
	return out
}

// applyPresets gives the signals what their presets have and the file does not say.
func (c *Config) applyPresets(k *checker) error {
	all, err := readPresets(presetsYAML)
	if err != nil {
		return err
	}
	for i := range c.Policies {
		if d := c.Policies[i].Guards.Dependencies; d != nil && d.Preset != "" {
			d.apply(all, k, []any{"policies", i, "guards", "dependencies"})
		}
		for j := range c.Policies[i].Signals {
			s := &c.Policies[i].Signals[j]
			at := []any{"policies", i, "signals", j}
			if s.Preset == "" {
				continue
			}
			if problem := s.unfit(all); problem != "" {
				k.say(append(at, "preset"), "%s", problem)
				s.unusable = true
				continue
			}
			s.take(all[s.Preset], func(field ...any) bool { return k.given(append(slices.Clone(at), field...)) })
		}
	}
	return nil
}

// unfit says why the signal cannot have the preset that it names.
func (s Signal) unfit(all map[string]Preset) string {
	p, known := all[s.Preset]
	if !known {
		return fmt.Sprintf("%q is not a preset; use one of %s", s.Preset, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	}
	if kinds := p.Kinds(); !slices.Contains(kinds, s.Kind) {
		var names []string
		for _, kind := range kinds {
			names = append(names, string(kind))
		}
		return fmt.Sprintf("%q has nothing for a signal of kind %q; use it for kind %s, or remove preset and name the series", s.Preset, s.Kind, strings.Join(names, " or "))
	}
	return ""
}

// take fills in what the signal does not say itself.
func (s *Signal) take(p Preset, given func(field ...any) bool) {
	text := func(field *string, value string, path ...any) {
		if !given(path...) {
			*field = value
		}
	}
	switch s.Kind {
	case analyzer.KindErrorRate:
		text(&s.Requests, p.ErrorRate.Requests, "requests")
		text(&s.Errors, p.ErrorRate.Errors, "errors")
	case analyzer.KindLatency:
		text(&s.Histogram, p.Latency.Histogram, "histogram")
		if !given("unit") {
			s.Unit = p.Latency.Unit
		}
	}
	text(&s.Labels.Namespace, p.Labels.Namespace, "labels", "namespace")
	text(&s.Labels.Workload, p.Labels.Workload, "labels", "workload")
	text(&s.Labels.WorkloadValue, p.Labels.WorkloadValue, "labels", "workloadValue")
	text(&s.Labels.Pod, p.Labels.Pod, "labels", "pod")
	text(&s.Labels.Version, p.Labels.Version, "labels", "version")
}

// Bound returns the bound of the preset's buckets by which a limit is judged, the first at or above it, and the highest one
// below it, which is zero if there is none. False means that no finite bound is as high as the limit.
func (l PresetLatency) Bound(limit time.Duration) (below, at time.Duration, ok bool) {
	for _, b := range l.Bounds {
		at = time.Duration(b * float64(time.Duration(l.Unit)))
		if at >= limit {
			return below, at, true
		}
		below = at
	}
	return below, 0, false
}
