package config

import (
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// production is the environment whose incidents are reviewed unless the configuration says otherwise.
const production = "production"

// Postmortems says which incidents call for a review, and by when it is due. Each gets a number, DEC-INCIDENT-0001 and so on, when the
// incident has ended after a rollback, or without the service being known to be well. People are reminded of it until somebody says with
// rollbackctl postmortem done that it is done.
type Postmortems struct {
	// Environments are those whose incidents are reviewed. Default [production], if that is one of environments, and otherwise none.
	Environments []string `yaml:"environments"`
	// Within is how long after the end of an incident its review is due. Default 48h.
	Within model.Duration `yaml:"within"`
	// HotfixWithin is how long that of a hotfix is. Default 24h.
	HotfixWithin model.Duration `yaml:"hotfixWithin"`
	// RemindBefore is how long before it is due people are reminded; once it is overdue they are every day. Default 12h.
	RemindBefore model.Duration `yaml:"remindBefore"`
}

func defaultPostmortems() Postmortems {
	return Postmortems{Within: model.Duration(48 * time.Hour), HotfixWithin: model.Duration(24 * time.Hour), RemindBefore: model.Duration(12 * time.Hour)}
}

func (p Postmortems) check(k *checker, environments []string) {
	for i, e := range p.Environments {
		if !slices.Contains(environments, e) {
			k.say([]any{"postmortems", "environments", i}, "%q is not one of environments", e)
		}
	}
	for _, d := range []struct {
		key   string
		value model.Duration
	}{{"within", p.Within}, {"hotfixWithin", p.HotfixWithin}, {"remindBefore", p.RemindBefore}} {
		if d.value <= 0 {
			k.say([]any{"postmortems", d.key}, "is not a positive duration; write it as 24h or 2d")
		}
	}
}

// Reviews returns the section postmortems in the form that watches use.
func (c *Config) Reviews() watch.Reviews {
	p := c.Postmortems
	r := watch.Reviews{Environments: p.Environments, Within: time.Duration(p.Within), HotfixWithin: time.Duration(p.HotfixWithin), RemindBefore: time.Duration(p.RemindBefore)}
	if p.Environments == nil && slices.Contains(c.Environments, production) {
		r.Environments = []string{production}
	}
	return r
}
