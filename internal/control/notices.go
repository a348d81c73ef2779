package control

import "errors"

// The verbs about what people are told.
const (
	// Notices lists what is still to be told, and what never was.
	Notices Verb = "notices"
	// RetryNotices has dead letters tried once more: the one that Find names, or with All all of them.
	RetryNotices Verb = "retry-notices"
)

// aboutNotices reports whether a verb is about notices. Those of a namespace are those about its workloads; those about rollbackd itself are shown to
// whoever may ask for all namespaces.
func (v Verb) aboutNotices() bool { return v == Notices || v == RetryNotices }

func (a Asked) checkNotices() error {
	if a.Verb == RetryNotices && (a.Find == "") == !a.All {
		return errors.New(`fields "find" and "all": give the ID of one dead letter, as rollbackctl notices shows it, or all, and not both`)
	}
	return nil
}
