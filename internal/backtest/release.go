package backtest

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
)

// lead is how long before its event a release may have appeared: most tools announce a deployment when it is complete.
const lead = 15 * time.Minute

// release is what metrics tell of a deployment where no cluster can be asked: which series are the new version's, which the
// old one's, and when the first of the new ones appeared.
type release struct {
	members, control analyzer.Members
	t0               time.Time
	// fresh says that all of the release's pods started inside the watch.
	fresh bool
	// absent says that nothing new was ever seen where something should have been.
	absent bool
	// undivided says that nothing tells the release from what was there before but time.
	undivided bool
	// first is when the release was first seen, where it was told from what was there before by that. What came later is no old version.
	first time.Time
	// since is set where the release is all pods that came then or later; versioned where it is the pods of its versions.
	since     time.Time
	versioned bool
	// canary says that the release is a Deployment of its own beside the stable one.
	canary bool
	// placebo chooses the pods where nothing was released.
	placebo *placebo
}

// group is a set of pods or a version, with when it was first seen.
type group struct {
	name  string
	first time.Time
}

// deploymentPod splits the name of a Deployment's pod into its ReplicaSet's prefix and its own suffix.
var deploymentPod = regexp.MustCompile(`^(.+-[a-z0-9]{1,10}-)[bcdfghjklmnpqrstvwxz2456789]{5}$`)

// identify finds the release of an event among what was seen of its workload. In this order: by the version that the event
// names; by the ReplicaSet, version or pods that appeared nearest to the event, and were not another deployment's; and where the
// series tell no versions apart, by time alone.
func identify(e event.Event, others []event.Event, seen []sightings, settleFor time.Duration) release {
	if e.Strategy == event.StrategyCanary {
		if r, ok := identifyCanary(e, seen, settleFor); ok {
			return r
		}
	}
	c := census(seen, e.Workload)
	r := c.release(e, others, settleFor)
	// Where nothing was seen of a workload of that name, both colours are one, and the version tells them apart if anything does.
	if other := otherColour(e); other != "" && c.saw(other) {
		r.control = analyzer.Members{Workload: other, Pods: c.podsBeside(), NotVersions: r.members.Versions, Undivided: true}
	}
	return r
}

// otherColour guesses the workload of the other colour of a blue-green pair, which no event names: the one whose name has the
// old colour where this one's has the new. It is empty where there is none.
func otherColour(e event.Event) string {
	if e.Strategy != event.StrategyBlueGreen || e.From == "" || e.To == "" || !strings.Contains(e.Workload, e.To) {
		return ""
	}
	i := strings.LastIndex(e.Workload, e.To)
	return e.Workload[:i] + e.From + e.Workload[i+len(e.To):]
}

func (c sighted) release(e event.Event, others []event.Event, settleFor time.Duration) release {
	r := release{t0: e.Timestamp}
	r.members = analyzer.Members{Versions: e.VersionLabels(""), Undivided: true}
	r.control = analyzer.Members{NotVersions: r.members.Versions}
	before, after := neighbours(e, others)
	near := func(groups []group) (group, bool) { return mine(groups, e.Timestamp, before, after, settleFor) }
	named := c.named(r.members.Versions)
	switch {
	case named != nil && (e.Strategy == event.StrategyBlueGreen || !named.first.Before(e.Timestamp.Add(-lead))):
		r.byVersion(*named, c)
		return r
	case !c.divided():
		r.undivided, r.members.Pods = true, map[string]bool{"": true} // the series may lack the labels that were named
		return r
	}
	if g, ok := near(c.replicaSets); ok {
		r.members.PodPrefix, r.t0, r.first, r.fresh = g.name, g.first, g.first, true
		r.control.Pods = c.podsOlder(g.first, nil)
		return r
	}
	if g, ok := near(c.versions); ok && named == nil {
		r.members.Versions, r.control.NotVersions = []string{g.name}, []string{g.name}
		r.byVersion(g, c)
		return r
	}
	if pods, first, ok := c.newcomers(e.Timestamp, settleFor); ok {
		r.members.Pods, r.t0, r.fresh, r.since = pods, first, true, first
		r.control.Pods = c.otherPods(pods)
		return r
	}
	switch {
	case named != nil: // the same version once more, as when only its configuration changed
		r.byVersion(*named, c)
		r.undivided = len(c.versions) == 1
		return r
	case len(c.replicaSets) == 0 && len(c.versions) == 0:
		r.members.Pods, r.undivided = c.otherPods(nil), true // the pods kept their names, as those of a StatefulSet do
		return r
	}
	r.absent = true
	r.control.Pods = c.otherPods(nil)
	return r
}

// byVersion takes the release to be the series of a version, and the pods that carry it.
func (r *release) byVersion(g group, c sighted) {
	pods := c.podsOf(r.members.Versions)
	r.members.Pods, r.control.Pods, r.versioned = pods, c.otherPods(pods), len(pods) > 0
	if g.first.Before(r.t0.Add(-lead)) { // it ran before, as the other colour does
		return
	}
	r.t0, r.first, r.fresh = g.first, g.first, true
	r.withoutLater(c)
}

// withoutLater leaves out of the old version what came after the release: that is the next one's.
func (r *release) withoutLater(c sighted) {
	r.control.NotVersions = slices.Concat(r.members.Versions, c.versionsSince(r.first))
	r.control.Pods = c.podsOlder(r.first, r.members.Pods)
}

// grow takes up the pods that came since.
func (r *release) grow(c sighted) {
	switch {
	case r.placebo != nil:
		r.members.Pods, r.members.Undivided = r.placebo.pods(c), true
	case !r.since.IsZero():
		r.members.Pods = c.podsSince(r.since)
	case r.versioned:
		r.members.Pods = c.podsOf(r.members.Versions)
	}
	switch {
	case r.canary:
		r.stableFrom(c)
	case r.control.Workload == "" && !r.first.IsZero():
		r.withoutLater(c)
	case r.control.Workload == "" && (r.placebo != nil || !r.since.IsZero() || r.versioned):
		r.control.Pods = c.otherPods(r.members.Pods)
	}
}

// before are the series of the time before the deployment.
func (r release) before() analyzer.Members {
	if r.undivided && r.control.Workload == "" {
		return r.members
	}
	m := r.control
	m.Undivided = true
	return m
}

// nearest returns the group that appeared nearest to the event, if one did within reach of it.
func nearest(groups []group, at time.Time, settleFor time.Duration) (group, bool) {
	var best group
	found := false
	for _, g := range groups {
		if !inReach(g, at, settleFor) {
			continue
		}
		if !found || g.first.Sub(at).Abs() < best.first.Sub(at).Abs() {
			best, found = g, true
		}
	}
	return best, found
}
