package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// expressions is how many watches are measured by an expression, which has a query of its own for each of them and one more for
// the old version beside it.
const expressions = 100

// number is a business metric that is an expression of one number.
func number() analyzer.Signal {
	return analyzer.Signal{
		Name: "orders", Kind: analyzer.KindBusiness, Scrape: scrape, Labels: podLabels(),
		Query: `sum(rate(http_requests_total{code="200"}[1m]))`,
	}
}

// measureNumbers takes a few ticks of watches whose signal is an expression.
func measureNumbers(ctx context.Context) (out size, err error) {
	dir, err := os.MkdirTemp("", "scale")
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(dir)
	s, err := open(ctx, expressions, filepath.Join(dir, "tsdb"))
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.server.Stop()) }()
	own, prometheus := cpu(os.Getpid()), cpu(s.server.PID)
	var walls []time.Duration
	for n := range ticks {
		began := time.Now()
		got, err := s.sampler.Sample(ctx, number(), subjects(expressions, n+1))
		if err != nil {
			return out, err
		}
		walls = append(walls, time.Since(began))
		if len(got) != expressions || got[workload(0)][0].Value == nil {
			return out, fmt.Errorf("%d watches have a number", len(got))
		}
	}
	slices.Sort(walls)
	out.Watches, out.Wall = expressions, walls[ticks/2]
	out.Queries, out.Bytes = s.traffic.queries.Load()/ticks, s.traffic.bytes.Load()/ticks
	out.Own, out.Prometheus = (cpu(os.Getpid())-own)/ticks, (cpu(s.server.PID)-prometheus)/ticks
	return out, nil
}
