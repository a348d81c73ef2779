package doctor

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/analyzer"
)

// seen is what a workload's series show of themselves.
type seen struct {
	series int
	// pods, versions and labels are in order; versionsOf are the versions of each pod.
	pods, versions, labels []string
	versionsOf             map[string]string
	// bounds are the finite bounds of a histogram in its unit.
	bounds []float64
	newest time.Time
	// spacing is how far samples usually lie apart, zero if no series has two.
	spacing time.Duration
}

func see(sig analyzer.Signal, matrix model.Matrix, mine func(model.Metric) bool) seen {
	s := seen{versionsOf: map[string]string{}}
	pods, versions, labels, bounds := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[float64]bool{}
	var spacings []time.Duration
	for _, stream := range matrix {
		if len(stream.Values) == 0 || !mine(stream.Metric) {
			continue
		}
		s.series++
		for name := range stream.Metric {
			labels[string(name)] = true
		}
		pod, version := valueOf(stream.Metric, sig.Labels.Pod), valueOf(stream.Metric, sig.Labels.Version)
		pods[pod], versions[version], s.versionsOf[pod] = true, true, version
		if le, err := strconv.ParseFloat(valueOf(stream.Metric, model.BucketLabel), 64); err == nil && !math.IsInf(le, 0) && !math.IsNaN(le) {
			bounds[le] = true
		}
		for i, p := range stream.Values {
			if i > 0 {
				spacings = append(spacings, p.Timestamp.Sub(stream.Values[i-1].Timestamp))
			}
		}
		if last := stream.Values[len(stream.Values)-1].Timestamp.Time(); last.After(s.newest) {
			s.newest = last
		}
	}
	delete(pods, "")
	delete(versions, "")
	delete(labels, model.MetricNameLabel)
	s.pods, s.versions, s.labels = sorted(pods), sorted(versions), sorted(labels)
	s.bounds = slices.Sorted(maps.Keys(bounds))
	s.spacing = median(spacings)
	return s
}

func valueOf(m model.Metric, label string) string {
	if label == "" {
		return ""
	}
	return string(m[model.LabelName(label)])
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// members are all of the workload's series, or those of the versions, if the labels tell these.
func (s seen) members(l analyzer.Labels, versions []string) analyzer.Members {
	m := analyzer.Members{Undivided: true}
	if l.Version != "" {
		m.Versions = s.versions
		if len(s.versions) == 0 {
			m.Versions = []string{""}
		}
		if len(versions) > 0 {
			m.Versions = versions
		}
	}
	if l.Pod == "" {
		return m
	}
	m.Pods = map[string]bool{}
	for _, pod := range s.pods {
		if l.Version == "" || len(versions) == 0 || slices.Contains(versions, s.versionsOf[pod]) {
			m.Pods[pod] = true
		}
	}
	return m
}
