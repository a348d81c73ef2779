package app

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/promclient"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// replaceableSampler asks whichever Prometheus is configured now, with the credentials that are.
type replaceableSampler struct {
	current atomic.Pointer[analyzer.Sampler]
}

var _ watch.Sampler = (*replaceableSampler)(nil)

// newSampler returns one that asks by the client.
func newSampler(prom *promclient.Client, cfg config.Prometheus) *replaceableSampler {
	s := &replaceableSampler{}
	s.replace(prom, cfg)
	return s
}

// replace has the next question asked by another client. What is being asked is still asked by the one before.
func (s *replaceableSampler) replace(prom *promclient.Client, cfg config.Prometheus) {
	s.current.Store(analyzer.NewSampler(prom, time.Duration(cfg.Timeout)))
}

// Sample implements watch.Sampler.
func (s *replaceableSampler) Sample(ctx context.Context, sig analyzer.Signal, subjects []analyzer.Subject) (map[string][]analyzer.Measurement, error) {
	return s.current.Load().Sample(ctx, sig, subjects)
}

// Baseline implements watch.Sampler.
func (s *replaceableSampler) Baseline(ctx context.Context, sig analyzer.Signal, sub analyzer.Subject, span analyzer.Span) (analyzer.Baseline, error) {
	return s.current.Load().Baseline(ctx, sig, sub, span)
}

// Around implements watch.Sampler.
func (s *replaceableSampler) Around(ctx context.Context, sig analyzer.Signal, dep *analyzer.Dependencies, sus analyzer.Suspicion) (analyzer.Around, error) {
	return s.current.Load().Around(ctx, sig, dep, sus)
}
