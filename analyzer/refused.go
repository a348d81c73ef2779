package analyzer

import (
	"errors"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// Refused reports whether an error is Prometheus' refusal of one question, such as one that asks for too many samples: it is
// there, and answers others. Where it is away, busy, or lets nobody in, nothing was refused.
func Refused(err error) bool {
	var answer *v1.Error
	return errors.As(err, &answer) && (answer.Type == v1.ErrExec || answer.Type == v1.ErrBadData)
}

// Unreadable reports whether Prometheus refuses a question because of how it is put. Asking again, or for less, does not help.
func Unreadable(err error) bool {
	var answer *v1.Error
	return errors.As(err, &answer) && answer.Type == v1.ErrBadData
}
