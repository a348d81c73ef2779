package config

import (
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/analyzer"
)

func (s Signal) compile(scrape model.Duration) analyzer.Signal {
	fill(&s.ScrapeInterval, scrape)
	if s.Strict {
		s.MaxIncrease.Absolute, s.MinRequests = 0, 1
	}
	return analyzer.Signal{
		Health: s.health(), Smoke: s.smoke(),
		Name: s.Name, Kind: s.Kind, Requests: s.Requests, Errors: s.Errors, Histogram: s.Histogram,
		Events: s.Events, Query: s.Query, Direction: s.Direction,
		Labels: analyzer.Labels(s.Labels), Scrape: time.Duration(s.ScrapeInterval),
		Objective: s.objective(), Strict: s.Strict,
		Rule: analyzer.Sustained{
			Relative: s.MaxIncrease.Relative, Absolute: s.MaxIncrease.Absolute,
			Window: time.Duration(s.Window), For: time.Duration(s.For), MinRequests: s.MinRequests,
		},
	}
}

func (s Signal) health() analyzer.Health {
	if s.Kind != analyzer.KindRollout {
		return analyzer.Health{}
	}
	return analyzer.Health{Failing: time.Duration(s.Failing), NotReady: time.Duration(s.NotReady)}
}

func (s Signal) objective() analyzer.Objective {
	if s.Kind != analyzer.KindLatency {
		return analyzer.Objective{}
	}
	return analyzer.Objective{
		Quantile: s.Quantile, SLO: time.Duration(s.SLO), Tolerance: s.Tolerance, Unit: time.Duration(s.Unit),
	}
}
