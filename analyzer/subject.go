package analyzer

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// Subject is one watch's part of a batch: which of a workload's series to measure, over which spans.
type Subject struct {
	// Key tells the subjects of a batch apart.
	Key       string
	Namespace string
	Workload  string
	// Release is what is measured, Control what is counted beside it: the old version.
	Release, Control Members
	// Spans are measured one by one, oldest first.
	Spans []Span
	// Known names pods that earlier ticks measured; the first sample of any other pod counts from zero if Fresh is
	// set, that is, if all of the subject's pods started inside the watch.
	Known map[string]bool
	Fresh bool
	// all means every workload of the namespace.
	all bool
}

// Members says which of a workload's series are meant, by whatever the labels of a signal tell: the pod, where the series
// have one and it is known here, else the version, else nothing. The zero value means none.
type Members struct {
	// Workload is set where it is not the subject's: the other colour of a blue-green pair is a workload of its own, and so is
	// the stable one beside a canary. A workload's label then tells the members apart where there is nothing better.
	Workload string
	// Alias is another name that the workload's label may have, of importance only where pod or version tell the members apart:
	// the pods of a canary are often labelled as those of the stable workload are.
	Alias string
	// PodPrefix is what the names of one ReplicaSet's pods begin with.
	PodPrefix string
	// Pods are pods by name.
	Pods map[string]bool
	// Since says of pods by name from when on they are meant: the pods of a StatefulSet keep their names from one version to
	// the next, and what was counted under a name before its pod was made is the earlier version's.
	Since map[string]time.Time
	// Ordinals is what the names of a StatefulSet's pods begin with, of whichever version; a number follows.
	Ordinals string
	// Versions are values of the version label, of which a series must have one.
	Versions []string
	// NotVersions are values of the version label, of which a series must have none; of importance only if there are any.
	NotVersions []string
	// Undivided says that all of the workload's series are meant where neither pod nor version tells them apart.
	Undivided bool
	// whole means all of the workload's series, whatever tells them apart.
	whole bool
}

// podSuffix is what follows the prefix in the name of a ReplicaSet's pod (the alphabet is that of apimachinery's
// rand package).
const podSuffix = "[bcdfghjklmnpqrstvwxz2456789]{5}"

// deploymentSuffix is what follows the name of a Deployment in those of its pods: the hash of the template and the pod's own.
const deploymentSuffix = "-[a-z0-9]{1,10}-" + podSuffix

// ordinal is what follows the name of a StatefulSet in those of its pods.
const ordinal = "[0-9]+"

var onlyOrdinal = regexp.MustCompile("^" + ordinal + "$")

var onlyPodSuffix = regexp.MustCompile("^" + podSuffix + "$")

// byPod reports whether the members are told by the names of their pods.
func (m Members) byPod(l Labels) bool {
	return l.Pod != "" && (m.PodPrefix != "" || m.Ordinals != "" || len(m.Pods) > 0)
}

// has reports whether a series of the workload is one of the members. The prefix alone does not tell: that of a DaemonSet
// "checkout" also begins the names of the pods of "checkout-api".
func (m Members) has(sig Signal, f found) bool {
	l := sig.Labels
	switch {
	case m.whole, sig.byTime() && m.Undivided: // what is measured against the clock is shared by all versions
		return true
	case m.byPod(l):
		return m.Pods[f.pod] || nameIs(f.pod, m.PodPrefix, onlyPodSuffix) || nameIs(f.pod, m.Ordinals, onlyOrdinal)
	case l.Version != "":
		return slices.Contains(m.Versions, f.version) || len(m.NotVersions) > 0 && !slices.Contains(m.NotVersions, f.version)
	case l.Pod != "":
		return false
	}
	return m.Undivided || m.Workload != "" && l.Workload != ""
}

func nameIs(pod, prefix string, rest *regexp.Regexp) bool {
	suffix, ok := strings.CutPrefix(pod, prefix)
	return ok && prefix != "" && rest.MatchString(suffix)
}

// From returns the members with a pod that is one of them from a time on.
func (m Members) From(pod string, at time.Time) Members {
	m.Since = maps.Clone(m.Since)
	if m.Since == nil {
		m.Since = map[string]time.Time{}
	}
	m.Since[pod] = at
	return m
}

// since is from when on a pod is one of the members; zero if it has been all along.
func (m Members) since(sig Signal, pod string) time.Time {
	if sig.byTime() && m.Undivided || !m.byPod(sig.Labels) {
		return time.Time{}
	}
	return m.Since[pod]
}

// holds reports whether a series is one of the members of the subject.
func (sub Subject) holds(sig Signal, m Members, f found) bool {
	l, workload := sig.Labels, cmp.Or(m.Workload, sub.Workload)
	switch {
	case l.Namespace != "" && f.namespace != sub.Namespace:
		return false
	case l.Workload != "":
		named := l.namesWorkload(sub.Namespace, workload, f.workload) || m.aliased(l) && l.namesWorkload(sub.Namespace, m.Alias, f.workload)
		return named && m.has(sig, f)
	}
	return (m.byPod(l) || l.Pod == "" || f.owner(l) == workload) && m.has(sig, f)
}

// aliased reports whether the alias counts.
func (m Members) aliased(l Labels) bool { return m.Alias != "" && (m.byPod(l) || l.Version != "") }

// workloads names those that the subject has anything of.
func (sub Subject) workloads() []string {
	out := []string{cmp.Or(sub.Release.Workload, sub.Workload)}
	if sub.Release.Alias != "" {
		out = append(out, sub.Release.Alias)
	}
	if sub.Control.Workload != "" {
		out = append(out, sub.Control.Workload)
	}
	return out
}

// found is one series that a query returned, by the labels that say whose it is.
type found struct {
	namespace, workload, pod, version string
	// labels are all of them, by which a history knows the series; empty elsewhere.
	labels string
	series Series
}

// whose reads from a series' labels whose it is. Where there is no label of the pod, each scrape target is held to be one.
func (l Labels) whose(m model.Metric) found {
	f := found{
		namespace: labelOf(m, l.Namespace), workload: labelOf(m, l.Workload),
		pod: labelOf(m, l.Pod), version: labelOf(m, l.Version),
	}
	if l.Pod == "" {
		f.pod = string(m[model.InstanceLabel])
	}
	return f
}

func labelOf(m model.Metric, name string) string {
	if name == "" {
		return ""
	}
	return string(m[model.LabelName(name)])
}

// narrower limits a selector to the series that the subjects' workloads can have, and if there are many to some more.
func narrower(l Labels, subjects []Subject) (func(Selector) Selector, error) {
	var namespaces, workloads, pods []string
	named := exactly
	if len(subjects) > few {
		named = byPrefix
	}
	for _, s := range subjects {
		namespaces = append(namespaces, regexp.QuoteMeta(s.Namespace))
		if s.all {
			workloads, pods = append(workloads, anything), append(pods, anything)
			continue
		}
		for _, workload := range s.workloads() {
			workloads = append(workloads, l.workloadPattern(s.Namespace, workload))
		}
		pods = append(pods, s.podPatterns(l, named)...)
	}
	var matchers []*labels.Matcher
	for _, part := range []struct {
		label    string
		patterns []string
	}{{l.Namespace, namespaces}, {l.Workload, workloads}, {l.Pod, pods}} {
		if part.label == "" || slices.Contains(part.patterns, anything) {
			continue
		}
		m, err := oneOf(labels.MatchRegexp, part.label, part.patterns)
		if err != nil {
			return nil, err
		}
		matchers = append(matchers, m)
	}
	return func(s Selector) Selector { return s.With(matchers...) }, nil
}

// shown limits a selector to the subject's release alone, for a person to look at.
func (sub Subject) shown(l Labels) (func(Selector) Selector, error) {
	sub.Control = Members{}
	narrow, err := narrower(l, []Subject{sub})
	if err != nil || l.Version == "" || sub.Release.byPod(l) {
		return narrow, err
	}
	var matchers []*labels.Matcher
	for _, part := range []struct {
		match    labels.MatchType
		versions []string
	}{{labels.MatchRegexp, sub.Release.Versions}, {labels.MatchNotRegexp, sub.Release.NotVersions}} {
		if len(part.versions) == 0 {
			continue
		}
		m, err := oneOf(part.match, l.Version, quoted(part.versions))
		if err != nil {
			return nil, err
		}
		matchers = append(matchers, m)
	}
	return func(s Selector) Selector { return narrow(s).With(matchers...) }, nil
}

// anything is the pattern of a label that nothing is known of.
const anything = ".*"

// naming says how pods are named of which only the beginning of the name is known.
type naming bool

const (
	// exactly matches the pods of one workload and no others.
	exactly naming = true
	// byPrefix matches those of workloads with longer names too, which are left out when they are read.
	byPrefix naming = false
)

func (n naming) ofReplicaSet(prefix string) string {
	if n == byPrefix {
		return regexp.QuoteMeta(prefix) + ".*"
	}
	return regexp.QuoteMeta(prefix) + podSuffix
}

func (n naming) ofDeployment(name string) string {
	if n == byPrefix {
		return regexp.QuoteMeta(name) + "-.*"
	}
	return regexp.QuoteMeta(name) + deploymentSuffix
}

// podPatterns are regular expressions of which the names of the subject's pods match one.
func (sub Subject) podPatterns(l Labels, named naming) []string {
	var out []string
	for _, m := range []Members{sub.Release, sub.Control} {
		if !m.byPod(l) {
			continue
		}
		if m.PodPrefix != "" {
			out = append(out, named.ofReplicaSet(m.PodPrefix))
		}
		if m.Ordinals != "" {
			out = append(out, regexp.QuoteMeta(m.Ordinals)+ordinal)
		}
		for pod := range m.Pods {
			out = append(out, regexp.QuoteMeta(pod))
		}
	}
	switch {
	case len(out) > 0 && (l.Version == "" || sub.Release.byPod(l)):
		return out
	case l.Workload != "":
		return []string{anything}
	}
	for _, workload := range sub.workloads() {
		out = append(out, named.ofDeployment(workload))
	}
	return out
}

func quoted(literals []string) []string {
	out := make([]string, len(literals))
	for i, l := range literals {
		out[i] = regexp.QuoteMeta(l)
	}
	return out
}

// Whole returns members that are all of the workload's series, whatever their labels tell apart.
func Whole() Members { return Members{whole: true, Undivided: true} }
