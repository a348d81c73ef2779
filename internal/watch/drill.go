package watch

import (
	"fmt"
	"slices"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what is different about a drill: a version that is bad on purpose, so that its rollback is rehearsed. It is watched,
// judged and rolled back as any other; else it would rehearse nothing.

// Drills say where bad versions may be deployed on purpose.
type Drills struct {
	// Environments are those in which they may be; an event that says drill is refused in all others, because what is called a
	// drill pages nobody.
	Environments []string
}

// admit refuses the event of a drill where none is allowed.
func (d Drills) admit(e event.Event) *event.Rejection {
	if !e.Drill || slices.Contains(d.Environments, e.Environment) {
		return nil
	}
	return &event.Rejection{
		Code: event.CodeUnauthorised, Field: "drill", Value: "true",
		Reason: fmt.Sprintf("drills are not allowed in environment %q", e.Environment),
		Fix:    "leave out the field drill to have the release watched as any other, or add the environment to drills.environments in rollbackd's configuration",
	}
}

// notTheDrill says why what is live is not the version that a drill's event is about; empty if it is. The version of a drill often has the
// name of the good one, and only the mark in its template tells them apart.
func (w Watch) notTheDrill(s rollback.Snapshot) string {
	if !w.Event.Drill || s.Drill() == w.Event.ID && w.Event.ID != "" {
		return ""
	}
	return fmt.Sprintf("the live pod template does not have the annotation %s: %s", rollback.DrillAnnotation, w.Event.ID)
}

// incidentPrefix begins the name of what the watch is filed under once its release is proven bad.
func (w Watch) incidentPrefix() string {
	if w.Event.Drill {
		return "drill-"
	}
	return "incident-"
}

// asDrill has notices about a drill say so first, and ask for nobody's attention unless the policy wants that rehearsed too.
func (w Watch) asDrill(all []notifier.Notice) []notifier.Notice {
	if !w.Event.Drill {
		return all
	}
	for i := range all {
		all[i].Title = "DRILL: " + all[i].Title
		if !w.Policy.PageDrills {
			all[i].Severity = notifier.Info
		}
	}
	return all
}

// IsProduction reports whether an environment is called what people call the one with the users.
func IsProduction(environment string) bool {
	return environment == "production" || environment == "prod"
}
