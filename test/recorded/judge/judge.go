// Package judge puts placebos into recorded traffic: deployments that never were.
package judge

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/backtest"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/test/history/serve"
	"github.com/rollbackd/rollbackd/test/recorded/recording"
)

//go:embed rollbackd.yaml.tmpl
var policies string

// Stretch is by how much the time of a recording is stretched: it was scraped every second, and is judged as if that had been
// 15 s. All windows, stages and spans that a policy has, and those that are the judge's own, are then in the proportion to a
// scrape that they are made for. It is the same as to shorten all of them, and some cannot be configured.
const Stretch = 15

// Options say how many placebos of each workload there are, how long each is watched in stretched time, and with which seed.
type Options struct {
	PerWorkload int
	Watch       time.Duration
	Seed        uint64
}

// Workload is one that was recorded, and what came of its placebos.
type Workload struct {
	Namespace, Name string
	Summary         *backtest.PlaceboSummary
	Outcomes        []backtest.Outcome
}

// Placebos judges placebos in a recording, that a real Prometheus serves, workload by workload.
func Placebos(ctx context.Context, r recording.Recording, o Options) (out []Workload, err error) {
	r = r.Stretch(Stretch)
	dir, err := os.MkdirTemp("", "rollbackd-recorded-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := r.WriteTSDB(ctx, dir); err != nil {
		return nil, err
	}
	server, err := serve.Start(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	cfg, err := configured(dir, server.URL)
	if err != nil {
		return nil, err
	}
	api, err := cfg.Prometheus.API()
	if err != nil {
		return nil, err
	}
	from, until := r.Span()
	opts := backtest.Options{Source: analyzer.NewSampler(api, time.Minute), Policies: cfg.WatchPolicies(), Now: until}
	for _, w := range []Workload{{Namespace: "shop", Name: "catalogue"}, {Namespace: "kube-system", Name: "kube-apiserver"}} {
		before := event.Event{Environment: "recorded", Namespace: w.Namespace, Workload: w.Name, Version: "v1", Timestamp: from.Add(-24 * time.Hour)}
		place := backtest.Placing{
			Policies: opts.Policies, Deployments: []event.Event{before}, From: from, Until: until, PerWorkload: o.PerWorkload, Watch: o.Watch, Seed: o.Seed,
		}
		list, without := place.Placebos()
		w.Summary = backtest.NewPlaceboSummary(o.Seed, opts.Policies, without)
		err := backtest.RunPlacebos(ctx, opts, list, nil, 2, func(outcome backtest.Outcome) {
			w.Summary.Add(outcome)
			w.Outcomes = append(w.Outcomes, outcome)
			err = errors.Join(err, outcome.Err)
		})
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, err
}

func configured(dir, url string) (*config.Config, error) {
	file := filepath.Join(dir, "rollbackd.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(policies, "{{.}}", url)), 0o600); err != nil {
		return nil, err
	}
	return config.Load(file)
}
