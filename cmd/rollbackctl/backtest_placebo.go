package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/pflag"

	"github.com/rollbackd/rollbackd/internal/backtest"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/event"
)

// placebos are what is judged in the place of deployments: times at which nothing was deployed.
type placebos struct {
	number             int
	seed               uint64
	watch, from, until string
}

func (p *placebos) register(flags *pflag.FlagSet) {
	flags.IntVar(&p.number, "placebo", 0, "judge this many times at which nothing was deployed, of each workload, in the place of its deployments")
	flags.Uint64Var(&p.seed, "placebo-seed", 1, "with --placebo: decides which times, and which halves of the pods")
	flags.StringVar(&p.watch, "placebo-watch", "", "with --placebo: watch each no longer than this, such as 1h (default as long as its policy says)")
	flags.StringVar(&p.from, "placebo-from", "", "with --placebo: the beginning of the time to choose from, RFC 3339 (default with --since its beginning, else the first deployment)")
	flags.StringVar(&p.until, "placebo-until", "", "with --placebo: its end (default now)")
}

// check refuses what makes no sense together.
func (p *placebos) check(flags *pflag.FlagSet, print bool) error {
	if p.number < 0 {
		return fmt.Errorf("--placebo %d is no number of placebos; write 50 or so", p.number)
	}
	if p.number == 0 {
		for _, name := range []string{"placebo-seed", "placebo-watch", "placebo-from", "placebo-until"} {
			if flags.Changed(name) {
				return fmt.Errorf("--%s has a meaning with --placebo only", name)
			}
		}
		return nil
	}
	if print {
		return errors.New("--print-events replays nothing, so that --placebo has no meaning with it")
	}
	_, err := p.placing(nil, "", time.Time{})
	return err
}

// placing says where placebos may be; the present is the end unless a flag says otherwise.
func (p *placebos) placing(deployments []event.Event, since string, now time.Time) (backtest.Placing, error) {
	out := backtest.Placing{Deployments: deployments, PerWorkload: p.number, Seed: p.seed, Until: now}
	for _, e := range deployments {
		if out.From.IsZero() || e.Timestamp.Before(out.From) {
			out.From = e.Timestamp
		}
	}
	if span, err := model.ParseDuration(since); err == nil && span > 0 {
		out.From = now.Add(-time.Duration(span))
	}
	if p.watch != "" {
		watch, err := model.ParseDuration(p.watch)
		if err != nil || watch == 0 {
			return out, fmt.Errorf("--placebo-watch %s is not a span of time; write it as 1h or 90m", event.Quote(p.watch))
		}
		out.Watch = time.Duration(watch)
	}
	for _, at := range []struct {
		flag, value string
		to          *time.Time
	}{{"from", p.from, &out.From}, {"until", p.until, &out.Until}} {
		if at.value == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, at.value)
		if err != nil {
			return out, fmt.Errorf("--placebo-%s %s is not a time; write it as 2026-11-22T10:00:00Z", at.flag, event.Quote(at.value))
		}
		*at.to = t
	}
	if p.from != "" && p.until != "" && !out.From.Before(out.Until) {
		return out, fmt.Errorf("--placebo-from %s is not before --placebo-until %s", p.from, p.until)
	}
	return out, nil
}

func (b *backtester) runPlacebos(ctx context.Context, cfg *config.Config, source backtest.Source, deployments []event.Event) (err error) {
	now := time.Now()
	placing, err := b.placebo.placing(deployments, b.cluster.since, now)
	if err != nil {
		return err
	}
	placing.Policies = cfg.WatchPolicies()
	list, without := placing.Placebos()
	if len(list) == 0 {
		return noPlacebos(without)
	}
	report, err := b.placeboReport(len(list), backtest.NewPlaceboSummary(b.placebo.seed, placing.Policies, without), cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, report.close()) }()
	opts := backtest.Options{Source: source, Policies: placing.Policies, Now: now, Courses: b.output.value == "html"}
	if err := backtest.RunPlacebos(ctx, opts, list, deployments, b.parallel, report.add); err != nil {
		return err
	}
	return report.end()
}

func noPlacebos(without []backtest.Unplaced) error {
	var why []string
	for _, u := range without {
		why = append(why, fmt.Sprintf("%s/%s: %s", u.Target.Namespace, u.Target.Workload, u.Why))
	}
	return fmt.Errorf("there is nowhere to put a placebo: %s", strings.Join(why, "; "))
}

func (b *backtester) placeboReport(placebos int, summary *backtest.PlaceboSummary, cfg *config.Config) (*backtestReport, error) {
	out := b.around.out
	r := &backtestReport{what: "placebos", progress: progressOf(b.around.err, placebos*len(backtest.Comparisons()), "placebos"), close: func() error { return nil }}
	switch b.output.value {
	case "ndjson":
		r.write = func(o backtest.Outcome) error {
			summary.Add(o)
			return writeJSON(out, o)
		}
		r.finish = func() error { return writeJSON(out, map[string]any{"summary": summary}) }
	case "html":
		page, err := backtest.NewPlaceboPage(out, cfg.WatchPolicies(), summary)
		if err != nil {
			return nil, err
		}
		r.write, r.finish, r.close = page.Add, page.End, page.Close
	default:
		table := backtest.NewPlaceboTable(out, summary)
		r.write, r.finish = table.Add, table.End
	}
	return r, nil
}
