package watch

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// While a watch is open its workload carries an annotation, its mark. The mark is in the cluster and not in NATS, so that a
// watch that was lost with NATS' storage is missed. It is no lock, and nothing is decided by it.

// markOf is the name of an instance's marks.
func markOf(instance string) string { return "rollbackd.io/watch." + instance }

// markGrace is how long after the end of its stages a watch may still be open: it waits for Prometheus, is rolled back,
// is verified.
const markGrace = 2*blindGrace + time.Hour

// mark is the annotation's value: the watch's key, and until when it may be open. Undo copies annotations of old
// ReplicaSets back, and a mark of long ago must not pass for that of a lost watch.
type mark struct {
	key   string
	until time.Time
}

func (m mark) String() string { return m.key + " until " + m.until.UTC().Format(time.RFC3339) }

// parseMark reads a value of a workload's mark. Anybody who may edit the workload may have written it.
func parseMark(w rollback.Workload, value string) (mark, bool) {
	key, text, ok := strings.Cut(value, " until ")
	until, err := time.Parse(time.RFC3339, text)
	parts := strings.Split(key, ".")
	if !ok || err != nil || len(parts) != 3 || !event.IsName(parts[0]) || parts[1] != w.Namespace || !isDigest(parts[2]) {
		return mark{}, false
	}
	return mark{key: key, until: until}, true
}

func isDigest(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

// environment is that of the watch.
func (m mark) environment() string {
	environment, _, _ := strings.Cut(m.key, ".")
	return environment
}

// marks reports whether the workload of the watch is to carry its mark: a daemon that only observes changes nothing at all.
func (w Watch) marks() bool {
	if w.Pin == nil || w.State.Final() {
		return false
	}
	for _, s := range w.Policy.Stages {
		if s.Mode != Observe {
			return true
		}
	}
	return false
}

func (w Watch) mark() mark {
	return mark{key: w.Key, until: w.Pin.T0.Add(w.Policy.End() + 2*w.Policy.Verify.Deadline + w.Policy.ApprovalFor + markGrace)}
}

// markFor is what a workload is to be marked with, by all watches that are open; empty for nothing. Of several watches of
// one workload the newest counts.
func markFor(w rollback.Workload, open []*actor) string {
	var newest *Watch
	for _, a := range open {
		o := a.view.Load()
		if o.workload() == w && o.marks() && (newest == nil || o.AcceptedAt.After(newest.AcceptedAt)) {
			newest = o
		}
	}
	if newest == nil {
		return ""
	}
	return newest.mark().String()
}

// lostWatch is what people are told of a watch that was lost.
func lostWatch(w rollback.Workload, m mark, instance string) (title, text string) {
	return fmt.Sprintf("%s was being watched, and its watch is lost", w),
		fmt.Sprintf("The %s carries the mark of watch %s, and the NATS that instance %q stores in knows of no such watch: its storage was lost or wiped. "+
			"Nothing was rolled back, and the release that is live is not being watched. Look at the service; to have the release watched again, announce it again, with another id.",
			w.Kind, m.key, instance)
}
