package rollback

import (
	"fmt"
	"strings"
	"time"
)

// Settle decides whether the version that an event announced is what the workload runs now and, if there is a switch,
// what the Service selects. If so it returns the ReplicaSet to watch, under the event's name for it, and T0: the earliest
// creation of one of its live pods, or for a switch the change of the selector. Why is one sentence that names what the
// event said and what is live.
func Settle(s Snapshot, version string) (rev Revision, t0 time.Time, ok bool, why string) {
	switch {
	case s.Deleting:
		return notSettled("the event says %s, but %s is being deleted", version, s.Workload)
	case !s.Runs(version):
		return notSettled("the event says %s, but %s runs %s", version, s.Workload, s.liveName())
	case s.ObservedGeneration < s.Generation:
		return notSettled("%s is to run %s, but %s has not acted on that change yet", s.Workload, version, s.Workload.Kind.controller())
	case s.Live == nil:
		return notSettled("%s is to run %s, but there is no %s for it yet", s.Workload, version, s.Workload.Kind.revisionKind())
	case s.Live.FirstPodAt.IsZero():
		return notSettled("%s is to run %s, but %s %s has no live pod yet", s.Workload, version, s.Workload.Kind.revisionKind(), s.Live.ReplicaSet)
	}
	if why := s.unswitched(version); why != "" {
		return notSettled("%s", why)
	}
	if why := s.uncanaried(version); why != "" {
		return notSettled("%s", why)
	}
	rev = *s.Live
	rev.Version = version
	t0 = s.servedFrom(rev)
	why = fmt.Sprintf("the event says %s, and %s runs it as revision %s (%s %s) since %s",
		version, s.Workload, rev.Number, s.Workload.Kind.revisionKind(), rev.ReplicaSet, stamp(rev.FirstPodAt))
	if s.Switch != nil {
		why += fmt.Sprintf("; %s, since %s", s.selects(), stamp(t0))
	}
	return rev, t0, true, why
}

func notSettled(format string, args ...any) (Revision, time.Time, bool, string) {
	return Revision{}, time.Time{}, false, fmt.Sprintf(format, args...)
}

// liveName names the live template by its images, and by its version label if it says something else.
func (s Snapshot) liveName() string {
	template := parseTemplate(s.Template)
	images := strings.Join(template.images(), ", ")
	version := s.Version()
	if s.Revision == "" { // a StatefulSet or DaemonSet that was read without its revisions
		return "image " + images
	}
	if images == "" || version == "" || template.isByImage(version) {
		return "revision " + s.Revision + " with image " + images
	}
	return "revision " + s.Revision + ", labelled " + version + ", with image " + images
}

// stamp writes a time the way all sentences of this package do.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
