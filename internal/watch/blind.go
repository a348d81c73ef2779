package watch

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// This file measures for how long the daemon has seen nothing of what it watches. A watch whose service has no traffic sees
// nothing either; only where none of them sees anything, the daemon is blind.

// sees reports whether a judgement rests on data of every metric that it asked for. What comes from the cluster, or from smoke
// tests, says nothing of Prometheus.
func sees(j analyzer.Judgement) bool {
	metrics := 0
	for _, a := range j.Signals {
		if a.Kind == analyzer.KindRollout || a.Kind == analyzer.KindSmoke {
			continue
		}
		if a.Outcome != analyzer.OutcomeOK && a.Outcome != analyzer.OutcomeBreach {
			return false
		}
		metrics++
	}
	return metrics > 0
}

// see notes the newest tick with data among entries that are stored.
func (a *actor) see(entries []incident.Entry) {
	i := slices.IndexFunc(entries, func(e incident.Entry) bool { return e.Kind == incident.KindTick })
	if i < 0 {
		return
	}
	j, at := a.watch.judgement, a.watch.lastTick
	if entries[i].Tick.Phase == incident.PhaseVerify {
		j, at = a.watch.recovery, a.watch.lastVerify
	}
	if sees(j) {
		a.sighted.Store(&at)
	}
}

// sight is what one watch has seen.
type sight struct {
	// begun is since when this process has been measuring it.
	begun time.Time
	// newest is the end of the newest tick with data; zero if there was none yet.
	newest time.Time
}

// sight returns what a watch has seen; false if there is nothing to see yet.
func (a *actor) sight() (sight, bool) {
	w := a.view.Load()
	if !w.looksAtMetrics() {
		return sight{}, false
	}
	s := sight{begun: latest(w.resumed, w.Since, w.restoredRollout)}
	if at := a.sighted.Load(); at != nil {
		s.newest = *at
	}
	return s, true
}

// looksAtMetrics reports whether the watch needs metrics now, be it for a baseline that it has not got yet.
func (w Watch) looksAtMetrics() bool {
	if !slices.ContainsFunc(w.Policy.Signals, analyzer.Signal.FromMetrics) {
		return false
	}
	switch w.State {
	case Watching, Regressed, AwaitingApproval, RollingBack:
		return w.Pin != nil
	case Verifying:
		return !w.restoredRollout.IsZero()
	}
	return false
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// blindFor is for how long nothing was seen of any watch: since the newest tick with data, but no longer than the first of them
// has been measured. Without watches it is zero.
func blindFor(all []sight, now time.Time) time.Duration {
	if len(all) == 0 {
		return 0
	}
	begun, newest := all[0].begun, time.Time{}
	for _, s := range all {
		if s.begun.Before(begun) {
			begun = s.begun
		}
		newest = latest(newest, s.newest)
	}
	return max(0, now.Sub(latest(begun, newest)))
}

// Blindness is what the open watches see of what they measure.
type Blindness struct {
	// Measured is how many watches need metrics now.
	Measured int
	// For is for how long none of them has had a tick with complete data; zero if none is measured.
	For time.Duration
}

// Blind tells for how long nothing has been seen of any watch.
func (s *Supervisor) Blind(now time.Time) Blindness {
	var all []sight
	for _, a := range s.open() {
		if seen, ok := a.sight(); ok {
			all = append(all, seen)
		}
	}
	return Blindness{Measured: len(all), For: blindFor(all, now)}
}

// blindGauges show at the time of the scrape for how long nothing was seen.
type blindGauges struct {
	supervisor      *Supervisor
	blind, measured *prometheus.Desc
}

// BlindCollector returns the gauge rollbackd_blind_seconds, and rollbackd_watches_measured, of how many watches it tells.
func (s *Supervisor) BlindCollector() prometheus.Collector {
	return blindGauges{
		supervisor: s,
		blind: prometheus.NewDesc("rollbackd_blind_seconds",
			"Age of the newest tick with complete data of any open watch; 0 if none is being measured. Where it grows, no bad release is found.", nil, nil),
		measured: prometheus.NewDesc("rollbackd_watches_measured", "Open watches that need metrics now.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (g blindGauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- g.blind
	ch <- g.measured
}

// Collect implements prometheus.Collector.
func (g blindGauges) Collect(ch chan<- prometheus.Metric) {
	blind := g.supervisor.Blind(time.Now())
	ch <- prometheus.MustNewConstMetric(g.blind, prometheus.GaugeValue, blind.For.Seconds())
	ch <- prometheus.MustNewConstMetric(g.measured, prometheus.GaugeValue, float64(blind.Measured))
}
