package rollback

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The kubelet's reasons in the events of pods (kubelet, pkg/kubelet/events).
const (
	reasonFailed = "Failed"
	reasonPulled = "Pulled"
)

// podEvent is what is read of an event about a pod.
type podEvent struct {
	Metadata       metav1.ObjectMeta
	InvolvedObject struct{ Name string }
	Reason         string
	Message        string
	FirstTimestamp time.Time
	LastTimestamp  time.Time
	EventTime      time.Time
	Series         struct{ LastObservedTime time.Time }
}

// at is when it was last seen.
func (e podEvent) at() time.Time {
	return slices.MaxFunc([]time.Time{e.FirstTimestamp, e.LastTimestamp, e.EventTime, e.Series.LastObservedTime},
		func(a, b time.Time) int { return a.Compare(b) })
}

// pulls matches how the kubelet says which image it pulled, or could not.
var pulls = regexp.MustCompile(`^(Failed to pull|Successfully pulled) image "([^"]+)"`)

// unpullableBy tells which image of a revision could not be pulled when it was last tried, and how that is known; empty
// if nothing says so. A pod that waits for its image says so by itself. Events tell of pods that are gone too, for about an
// hour; a later successful pull of the same image outweighs a failure.
func unpullableBy(r Revision, pods []PodState, events []podEvent) string {
	for _, p := range pods {
		if p.Owner == r.UID && p.Unpullable {
			return fmt.Sprintf("pod %s cannot pull %s", p.Name, shortenTo(escapeLine(p.UnpullableImage), mostWords))
		}
	}
	failed, pulled := map[string]podEvent{}, map[string]time.Time{}
	for _, e := range events {
		found := pulls.FindStringSubmatch(e.Message)
		switch {
		case found == nil || !r.OwnsPod(e.InvolvedObject.Name):
		case e.Reason == reasonPulled:
			pulled[found[2]] = latest(pulled[found[2]], e.at())
		case e.Reason == reasonFailed && e.at().After(failed[found[2]].at()):
			failed[found[2]] = e
		}
	}
	var newest podEvent
	var image string
	for name, e := range failed {
		if e.at().After(pulled[name]) && e.at().After(newest.at()) {
			newest, image = e, name
		}
	}
	if image == "" {
		return ""
	}
	return fmt.Sprintf("pod %s could not pull %s at %s", newest.InvolvedObject.Name, shortenTo(escapeLine(image), mostWords), stamp(newest.at()))
}

// OwnsPod reports whether a pod of that name is of this revision.
func (r Revision) OwnsPod(name string) bool {
	suffix, ok := strings.CutPrefix(name, r.PodPrefix)
	return ok && r.PodsNamed() && len(suffix) == 5 && !strings.Contains(suffix, "-")
}
