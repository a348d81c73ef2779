package app

import (
	"sync"
	"time"
)

const (
	// refusalEvery is how often the same refusal is told again: a permission that is missing stays so until somebody grants it, and it is
	// asked for again every few seconds.
	refusalEvery = 10 * time.Minute
	// mostRefusals bounds what is remembered.
	mostRefusals = 1000
)

// refusals remembers what the API server has forbidden, so that each refusal is told now and then, and not at every try.
type refusals struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// news reports whether a refusal has not been told of late.
func (r *refusals) news(words string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, told := r.last[words]; told && now.Sub(at) < refusalEvery {
		return false
	}
	if r.last == nil || len(r.last) >= mostRefusals {
		r.last = map[string]time.Time{}
	}
	r.last[words] = now
	return true
}
