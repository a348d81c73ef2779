package app

import (
	"errors"
	"strings"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/mask"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// records writes the runbook's files of a watch.
type records struct {
	writer incident.Writer
	mask   mask.Masker
}

func (r records) Write(w watch.Watch, entries []incident.Entry) error {
	entries = incident.Hide(entries, r.mask)
	name := strings.TrimPrefix(w.LogName, "deploy_")
	errs := []error{r.writer.WriteDeployLog(name, entries), r.writer.WriteChangelog(name, entries)}
	if w.Incident != "" {
		errs = append(errs, r.writer.WriteIncident(w.Incident, entries), r.writer.AppendRollback(entries))
	}
	return errors.Join(errs...)
}
