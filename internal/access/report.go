package access

import (
	"slices"
	"time"
)

// Lack is a missing permission as programs are told of it.
type Lack struct {
	Feature   Feature `json:"feature"`
	Namespace string  `json:"namespace"`
	Verb      string  `json:"verb"`
	Resource  string  `json:"resource"`
	// Without is what goes away, Mend the rule that would give it.
	Without string `json:"without"`
	Mend    string `json:"mend"`
}

// Lack is the need as it is told of when it is missing.
func (n Need) Lack() Lack {
	return Lack{
		Feature: n.Rule.Feature, Namespace: n.Namespace, Verb: n.Verb, Resource: n.Rule.Object(), Without: n.Rule.Without, Mend: n.Mend(),
	}
}

// Report is what a daemon knows of its permissions.
type Report struct {
	// CheckedAt is when they were last looked at; zero if that has not been done yet.
	CheckedAt time.Time `json:"checkedAt"`
	// Needed is how many there are to be.
	Needed  int    `json:"needed"`
	Missing []Lack `json:"missing"`
}

// Blind reports whether nothing can be watched: in every namespace, something is missing that reading a Deployment takes.
func (g Grant) Blind(missing []Need) bool {
	places := g.places(Watched)
	for _, namespace := range places {
		blind := slices.ContainsFunc(missing, func(n Need) bool {
			return n.Rule.Feature == Base && n.Namespace == namespace && n.Verb != patch && n.Verb != watch
		})
		if !blind {
			return false
		}
	}
	return len(places) > 0
}
