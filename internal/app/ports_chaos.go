//go:build chaos

package app

import (
	"github.com/rollbackd/rollbackd/internal/chaos"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// prepared lets the environment name a point at which the daemon dies.
func prepared(o watch.Options) (watch.Options, error) { return chaos.Decorate(o) }
