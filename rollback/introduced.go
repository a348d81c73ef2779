package rollback

import (
	"strconv"
	"strings"
	"time"
)

// Introduction tells how what a workload runs came to be live.
type Introduction struct {
	// Revision is the number of the revision that brought it. Restarts and changes of labels after it made further
	// revisions, but nothing else run.
	Revision string
	// At is when it was made; for a template that was put back, when its oldest live pod was. Zero if that is not known.
	At time.Time
	// PutBack says that the template had been live before.
	PutBack bool

	uids map[string]bool
}

// Introduced finds the change of containers that brought what a workload runs now. It is false while the Deployment
// controller has not acted on the newest change, and if nothing else ran before: what is new has replaced nothing.
func Introduced(s Snapshot) (Introduction, bool) {
	if s.Deleting || s.Live == nil || s.ObservedGeneration < s.Generation {
		return Introduction{}, false
	}
	in := Introduction{uids: map[string]bool{}}
	var first *Revision
	for i := range s.Revisions {
		r := &s.Revisions[i]
		switch {
		case r.number() > s.Live.number():
			continue
		case ContainersEqual(r.Template, s.Template):
			first = r
			in.uids[r.UID] = true
			continue
		case first == nil:
			return Introduction{}, false
		}
		in.Revision, in.At, in.PutBack = first.Number, first.CreatedAt, first.Revived
		switch {
		case first.Revived:
			in.At = s.Live.FirstPodAt
		case !first.LiveSince.IsZero(): // of a ControllerRevision, which is numbered anew when its template is put back
			in.At, in.PutBack = first.LiveSince, first.LiveSince.Sub(first.CreatedAt) > time.Second
		}
		return in, true
	}
	return Introduction{}, false
}

// Pinned reports whether a watch's release is this one: what was live before under the same ReplicaSet, and was put back,
// has another number.
func (in Introduction) Pinned(p Pin) bool {
	return in.uids[p.Release.UID] && p.Release.number() >= Revision{Number: in.Revision}.number()
}

// Runs reports whether the live template is the version that is named.
func (s Snapshot) Runs(version string) bool { return s.VersionLabels.match(s.Template, version) }

// IntentAt is when the rollback was decided by which rollbackd last patched the workload; false if it never did.
func (s Snapshot) IntentAt() (time.Time, bool) {
	id := s.Annotations[IntentAnnotation]
	millis, err := strconv.ParseInt(id[strings.LastIndex(id, ".")+1:], 10, 64)
	return time.UnixMilli(millis), err == nil
}
