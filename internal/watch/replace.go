package watch

import "github.com/rollbackd/rollbackd/rollback"

// This file replaces, while watches run, what new ones begin with and what is asked anew each time.

// Rules are those of the Options that may be replaced while the Supervisor runs. A watch keeps the policy that it began with, which its journal has; the
// cluster's budget, freezes, drills and reviews hold for all watches from the moment on.
type Rules struct {
	Policies []Policy
	Budgets  Budgets
	Drills   Drills
	Freezes  []Freeze
	Reviews  Reviews
	// PrometheusPage, Namespaces, Kinds and ReadOnly are those of Options.
	PrometheusPage string
	Namespaces     []string
	Kinds          []rollback.Kind
	ReadOnly       bool
	// Observe is that of Options.
	Observe bool
}

func (o Options) rules() Rules {
	return Rules{
		Policies: o.Policies, Budgets: o.Budgets, Drills: o.Drills, Freezes: o.Freezes, Reviews: o.Reviews, PrometheusPage: o.PrometheusPage,
		Namespaces: o.Namespaces, Kinds: o.Kinds, ReadOnly: o.ReadOnly, Observe: o.Observe,
	}
}

// ruling are the rules for as long as they hold.
type ruling struct {
	Rules
	// over is closed when others take their place.
	over chan struct{}
}

// Replace has other rules hold from now on. It never blocks, and may be called at any time.
func (s *Supervisor) Replace(r Rules) {
	if r.Observe {
		r.Policies = overruled(r.Policies)
	}
	before := s.ruling.Swap(&ruling{Rules: r, over: make(chan struct{})})
	if before != nil {
		close(before.over)
	}
}

// rules are those that hold now. Who decides by several of them at once asks once.
func (s *Supervisor) rules() Rules { return s.ruling.Load().Rules }
