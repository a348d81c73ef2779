package app

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/promclient"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// clock follows how far the clock of Prometheus is from this machine's. Ticks end by the one, and samples are stamped by the
// other. Where Prometheus is behind, a tick is asked for before it has any samples; where it is ahead, what is judged is as old as it
// is ahead, and may be long over. Neither says anything of a release now.
type clock struct {
	now func() time.Time
	log *zap.Logger

	mu         sync.Mutex
	prometheus v1.API
	// scrape is the scrape interval, within which a skew does not matter.
	scrape time.Duration

	newest atomic.Pointer[reading]
	warned atomic.Bool

	// asking is held while Prometheus is asked, so that all who want to know at the same time ask once; the rest is guarded by it.
	asking sync.Mutex
	// asked is when it was last asked, and failed what came of that.
	asked  time.Time
	failed error
}

// replace has another Prometheus asked from now on.
func (c *clock) replace(prometheus v1.API, scrape time.Duration) {
	c.asking.Lock()
	defer c.asking.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prometheus, c.scrape, c.asked = prometheus, scrape, time.Time{}
}

// source is which Prometheus is asked, and how often it scrapes.
func (c *clock) source() (v1.API, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.prometheus, c.scrape
}

const (
	// clockFresh is for how long an answer is good for whoever measures: ticks of different signals that fall due together ask once.
	clockFresh = 2 * time.Second
	// mostUnasked is for how long Prometheus is left unasked at the most.
	mostUnasked = 15 * time.Second
)

// reachable reports whether Prometheus answered when it was last asked, and asks if that is long ago. While there is something to
// measure it is asked with every tick; one that did not answer, or whose clock is wrong, is asked each time until that is mended.
func (c *clock) reachable(ctx context.Context) error {
	return c.read(ctx, func() time.Duration {
		if c.failed != nil || c.warned.Load() || c.problem(c.scrape/2) != "" { // the last is so at once when this clock is set
			return 0
		}
		_, scrape := c.source()
		return min(scrape, mostUnasked)
	})
}

// read asks for the time unless the newest answer is younger than so much. What it asks is the cheapest question that every compatible
// server answers.
func (c *clock) read(ctx context.Context, fresh func() time.Duration) error {
	c.asking.Lock()
	defer c.asking.Unlock()
	if !c.asked.IsZero() && time.Since(c.asked) < fresh() {
		return c.failed
	}
	c.failed = c.ask(ctx)
	c.asked = time.Now()
	return c.failed
}

// ask notes the time that Prometheus tells.
func (c *clock) ask(ctx context.Context) error {
	prometheus, scrape := c.source()
	skew, err := promclient.ReadSkew(ctx, prometheus, c.now)
	if err != nil {
		return err
	}
	c.newest.Store(&reading{Skew: skew, at: c.now()})
	apart := skew.Surely() > scrape/2
	switch before := c.warned.Swap(apart); {
	case apart && !before:
		c.log.Warn(skew.String()+"; set both by NTP: what is measured while they are more than a scrape apart is not judged",
			zap.Duration("ahead", skew.Ahead), zap.Duration("doubt", skew.Doubt))
	case before && !apart:
		c.log.Info("the clocks of Prometheus and of this machine agree again", zap.Duration("ahead", skew.Ahead))
	}
	return nil
}

// problem says why nothing that was sampled so often can be judged now; empty if it can.
func (c *clock) problem(scrape time.Duration) string {
	skew, known := c.skew()
	if !known || skew.Surely() <= scrape {
		return ""
	}
	return skew.String() + ", so that what it has of now is not known"
}

// skew is how far the clocks are apart now: as they were when they were last compared, and as this one was stepped since.
func (c *clock) skew() (promclient.Skew, bool) {
	r := c.newest.Load()
	if r == nil {
		return promclient.Skew{}, false
	}
	return promclient.Skew{Ahead: r.Ahead - stepped(r.at, c.now()), Doubt: r.Doubt}, true
}

// Reached is the newest time of which Prometheus can have samples: now, or the time that it is there, if this machine's clock is
// ahead. What is later than that is not missing, it is yet to come.
func (c *clock) Reached(now time.Time) time.Time {
	_, scrape := c.source()
	if skew, known := c.skew(); known && skew.Ahead < 0 && skew.Surely() > scrape {
		return now.Add(skew.Ahead)
	}
	return now
}

// reading is what came of comparing the clocks at a time.
type reading struct {
	promclient.Skew
	at time.Time
}

// stepped is by how much the wall clock has moved more than the monotonic clock between two times: by how much it was set.
func stepped(from, to time.Time) time.Duration {
	return to.Round(0).Sub(from.Round(0)) - to.Sub(from)
}

// gauge shows the newest skew, and nothing before the first.
func (c *clock) gauge() prometheus.Collector { return skewGauge{c} }

type skewGauge struct{ clock *clock }

var _ prometheus.Collector = skewGauge{}

func (skewGauge) desc() *prometheus.Desc {
	return prometheus.NewDesc("rollbackd_prometheus_clock_ahead_seconds",
		"How far the clock of Prometheus is ahead of this machine's. Nothing is judged by metrics where they are more than a scrape apart.", nil, nil)
}

// Describe implements prometheus.Collector.
func (g skewGauge) Describe(ch chan<- *prometheus.Desc) { ch <- g.desc() }

// Collect implements prometheus.Collector.
func (g skewGauge) Collect(ch chan<- prometheus.Metric) {
	if skew, known := g.clock.skew(); known {
		ch <- prometheus.MustNewConstMetric(g.desc(), prometheus.GaugeValue, skew.Ahead.Seconds())
	}
}

// clockedSampler measures nothing while the clocks are apart. Its ticks then say why, in the journal too, and a replay of them comes to
// the same verdicts.
type clockedSampler struct {
	watch.Sampler
	clock *clock
}

// Sample implements watch.Sampler. The time is asked beside the samples, so that what is measured is known to be of now, and no
// measurement waits for it that need not.
func (s clockedSampler) Sample(ctx context.Context, sig analyzer.Signal, subjects []analyzer.Subject) (map[string][]analyzer.Measurement, error) {
	if !sig.FromMetrics() {
		return s.Sampler.Sample(ctx, sig, subjects)
	}
	if problem := s.clock.problem(sig.Scrape); problem != "" { // until it is found to be mended
		return unmeasurable(problem, subjects), nil
	}
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		bounded, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		_ = s.clock.read(bounded, func() time.Duration { return clockFresh }) // if there is no answer, the samples are not answered either
	}()
	out, err := s.Sampler.Sample(ctx, sig, subjects)
	<-asked
	if problem := s.clock.problem(sig.Scrape); problem != "" && err == nil {
		return unmeasurable(problem, subjects), nil
	}
	return out, err
}

// unmeasurable is what is measured where nothing can be.
func unmeasurable(why string, subjects []analyzer.Subject) map[string][]analyzer.Measurement {
	out := make(map[string][]analyzer.Measurement, len(subjects))
	for _, sub := range subjects {
		for range sub.Spans {
			out[sub.Key] = append(out[sub.Key], analyzer.Measurement{Error: why})
		}
	}
	return out
}
