package config

import (
	"path"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// What is done about a bad canary.
const (
	scaleToZero = "scale-to-zero"
	undo        = "undo"
)

// Canary is about canaries that are Deployments of their own.
type Canary struct {
	// Rollback is what is done about a bad canary: scale-to-zero takes its pods away, and undo gives it the template that it had
	// before, which a canary needs whose number of pods an autoscaler decides. Default scale-to-zero.
	Rollback string `yaml:"rollback"`
	// Allow are patterns of canaries' names, in which {workload} stands for the name of the stable workload. A canary whose pods
	// are selected by the same Service as the stable workload's is allowed by any name. Default ["{workload}-canary"].
	Allow []string `yaml:"allow"`
	// Steps say how long a canary is watched whose event names a step, in the place of the stages' ends. Each larger step that is
	// announced begins a new watching time. Default 15m up to 25 %, and 30m up to 100 %.
	Steps []CanaryStep `yaml:"steps"`
}

// CanaryStep is how long canaries of one size are watched.
type CanaryStep struct {
	// UpTo is the largest canary that is meant, in per cent of the service.
	UpTo uint64 `yaml:"upTo"`
	// Watch is how long it is watched from when the step is announced.
	Watch model.Duration `yaml:"watch"`
}

func defaultCanary() Canary {
	return Canary{
		Rollback: scaleToZero, Allow: []string{"{workload}-canary"},
		Steps: []CanaryStep{{UpTo: 25, Watch: minutes(15)}, {UpTo: 100, Watch: minutes(30)}},
	}
}

func (c Canary) compile() watch.CanaryPolicy {
	out := watch.CanaryPolicy{Undo: c.Rollback == undo, Allow: c.Allow}
	for _, s := range c.Steps {
		out.Steps = append(out.Steps, watch.CanaryStep{UpTo: int(s.UpTo), Watch: time.Duration(s.Watch)})
	}
	return out
}

func (c Canary) check(k *checker, field func(...any) []any) {
	if c.Rollback != scaleToZero && c.Rollback != undo {
		k.say(field("canary", "rollback"), "%q is not known; use scale-to-zero or undo", c.Rollback)
	}
	for i, pattern := range c.Allow {
		if _, err := path.Match(strings.ReplaceAll(pattern, "{workload}", "x"), ""); err != nil || pattern == "" {
			k.say(field("canary", "allow", i), "%q is not a pattern; use a name with * and ?, such as {workload}-canary", pattern)
		}
	}
	before := uint64(0)
	for i, s := range c.Steps {
		if s.UpTo <= before || s.UpTo > 100 {
			k.say(field("canary", "steps", i, "upTo"), "%d is not more than the step before it, %d, and at most 100; give per cent of the service, the smallest first", s.UpTo, before)
		}
		before = s.UpTo
		k.positive(field("canary", "steps", i, "watch"), s.Watch)
	}
}
