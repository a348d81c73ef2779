package app

import (
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/diagnosis/gather"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// newDiagnoser returns what gathers diagnoses; nil if the configuration wants none. It has a client of its own: it asks slowly, and
// changes nothing, so that no gate is needed.
func newDiagnoser(cfg *config.Config, settings func() (*rest.Config, error)) (watch.Diagnoser, error) {
	options, wanted := cfg.Diagnosis.Gathering()
	if !wanted {
		return nil, nil
	}
	rc, err := settings()
	if err != nil {
		return nil, err
	}
	return gather.New(rc, options)
}
