package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Layout is how the metrics of a workload are labelled.
type Layout string

// The layouts.
const (
	// ByPod has the labels namespace, pod, job, instance and code: what a scrape of every pod gives.
	ByPod Layout = "pod"
	// ByVersion has one series a version and no pod: rpc_server_total{callee,callee_version,status}.
	ByVersion Layout = "version"
	// ByWorkload has one series a workload, whatever its versions: web_requests_total{namespace,workload,result}.
	ByWorkload Layout = "workload"
)

// Layouts lists the layouts.
func Layouts() []Layout { return []Layout{ByPod, ByVersion, ByWorkload} }

// Scrape is how often the targets of a layout are scraped.
func (l Layout) Scrape() time.Duration {
	switch l {
	case ByVersion:
		return time.Minute
	case ByWorkload:
		return 30 * time.Second
	default:
		return 15 * time.Second
	}
}

// Options say what history to make up. The zero value of a field means its default.
type Options struct {
	// Deployments is how many there are; the default is 400.
	Deployments int
	// Workloads is how many are deployed, in turn, besides the peers, which never are; the default is 20.
	Workloads int
	// Namespaces is how many namespaces they are in; the default is 4, or the number of workloads if that is less.
	Namespaces int
	// Layouts are given to the namespaces in turn; the default is ByPod alone.
	Layouts []Layout
	// Faults are given to the deployments in turn, in the order of their start. The default is a realistic mixture in
	// random order, most of it None.
	Faults []Fault
	// Start is when the history begins; the default is the Monday 2026-10-05.
	Start time.Time
	// Before and After are how long each deployment is recorded before and after its start; the defaults are 1 h and 2 h.
	// A fault of a release is over after After.
	Before, After time.Duration
	// Span spreads the deployments of a workload over this time; the default packs them end to end.
	Span time.Duration
	// Continuous records the workloads between their deployments too, where Span leaves room.
	Continuous bool
	// EventLag is by how much an event may be later than the deployment's start, at random; the default is 0.
	EventLag time.Duration
	// Seed decides everything that is random.
	Seed uint64
}

// mistake is an option that cannot work. Its name is that of the command's flag.
func mistake(flag, format string, args ...any) error {
	return fmt.Errorf("-%s: %s", flag, fmt.Sprintf(format, args...))
}

// completed fills in the defaults and checks the options. Its errors name the command's flag and what to do.
func (o Options) completed() (Options, error) {
	fill(&o.Deployments, 400)
	fill(&o.Workloads, 20)
	fill(&o.Namespaces, min(4, o.Workloads))
	fill(&o.Before, time.Hour)
	fill(&o.After, 2*time.Hour)
	if o.Layouts == nil {
		o.Layouts = []Layout{ByPod}
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC)
	}
	o.Start = o.Start.UTC().Truncate(time.Second)
	o.Workloads = min(o.Workloads, max(o.Deployments, 1))
	o.Namespaces = min(o.Namespaces, max(o.Workloads, 1))
	return o, o.check()
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (o Options) check() error {
	for _, n := range []struct {
		flag  string
		value int
	}{{"deployments", o.Deployments}, {"workloads", o.Workloads}, {"namespaces", o.Namespaces}} {
		if n.value < 1 {
			return mistake(n.flag, "%d is too few; use 1 or more", n.value)
		}
	}
	if err := o.checkNames(); err != nil {
		return err
	}
	if o.Before < 20*time.Minute {
		return mistake("before", "%s is too short for a baseline and for faults that begin before the deployment; use 20m or more", o.Before)
	}
	if o.After < 30*time.Minute {
		return mistake("after", "%s is too short for faults to show; use 30m or more", o.After)
	}
	if o.EventLag < 0 {
		return mistake("event-lag", "%s is negative; use 0s or more", o.EventLag)
	}
	if packed := o.rounds() * (o.Before + o.After); o.Span != 0 && o.Span < packed {
		return mistake("span", "%s is too short: %d deployments of each workload need %s; make it longer, use more -workloads or fewer -deployments",
			o.Span, o.rounds(), packed)
	}
	if o.Continuous && o.Span == 0 {
		return mistake("continuous", "has no effect without -span, because packed deployments leave no time between them; give -span or leave it out")
	}
	return nil
}

func (o Options) checkNames() error {
	if len(o.Layouts) == 0 || len(o.Layouts) > o.Namespaces {
		return mistake("layouts", "%d layouts do not fit %d namespaces; each namespace has one, so use as many -namespaces (and -workloads) or more", len(o.Layouts), o.Namespaces)
	}
	for _, l := range o.Layouts {
		if !slices.Contains(Layouts(), l) {
			return mistake("layouts", "%q is none; use one or more of %s", l, joined(Layouts()))
		}
	}
	for _, f := range o.Faults {
		if !slices.Contains(Faults(), f) {
			return mistake("faults", "%q is none; use one or more of %s", f, joined(Faults()))
		}
	}
	return nil
}

func joined[T ~string](names []T) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = string(n)
	}
	return strings.Join(out, ", ")
}

// layout is that of a namespace.
func (o Options) layout(namespace int) Layout { return o.Layouts[namespace%len(o.Layouts)] }

// rounds is how many deployments a workload has at most.
func (o Options) rounds() time.Duration {
	return time.Duration((o.Deployments + o.Workloads - 1) / o.Workloads)
}

// slot is the time from one deployment of a workload to its next.
func (o Options) slot() time.Duration {
	if o.Span == 0 {
		return o.Before + o.After
	}
	return o.Span / o.rounds()
}
