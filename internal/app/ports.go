//go:build !chaos

package app

import "github.com/rollbackd/rollbackd/internal/watch"

// prepared returns the ports as they are. A binary built with the tag chaos has another one, whose daemon can be made to
// die at any point of a rollback.
func prepared(o watch.Options) (watch.Options, error) { return o, nil }
