package config

import (
	"slices"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// Drills are rehearsals: a version that is bad on purpose is deployed, and rollbackd must find it and take it back.
type Drills struct {
	// Environments are those in which drills are allowed, each one of environments; production and prod cannot be. An event that
	// says drill is refused in all others. Default none.
	Environments []string `yaml:"environments"`
	// Page has people told of a drill as urgently as of an incident, to rehearse that too. Otherwise every notice of a drill is of
	// severity info. Default false.
	Page bool `yaml:"page"`
}

func (d Drills) check(k *checker, environments []string) {
	for i, e := range d.Environments {
		at := []any{"drills", "environments", i}
		switch {
		case watch.IsProduction(e):
			k.say(at, "%q is where the users are; a drill makes a workload bad on purpose, so rehearse in another environment", e)
		case !slices.Contains(environments, e):
			k.say(at, "%q is not one of the environments that this daemon watches; use one of %q", e, environments)
		}
	}
}

// WatchDrills returns where drills are allowed in the form in which watches ask for it.
func (c *Config) WatchDrills() watch.Drills { return watch.Drills{Environments: c.Drills.Environments} }
