package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/backtest"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/event"
)

// backtester replays past deployments.
type backtester struct {
	around      surroundings
	config      string
	prometheus  string
	deployments string
	cluster     clusterHistory
	placebo     placebos
	output      choice
	parallel    int
}

func newBacktest(around surroundings) *cobra.Command {
	b := &backtester{around: around, output: choice{value: "text", of: []string{"text", "ndjson", "html"}}}
	cmd := &cobra.Command{
		Use:   "backtest --config FILE {--deployments FILE | --since SPAN}",
		Short: "Show what rollbackd would have done about past deployments",
		Long: "Backtest replays past deployments against the Prometheus that watched them and shows what rollbackd would have said of\n" +
			"each, and when. It asks Prometheus only about the past, and changes nothing.\n\n" +
			"The deployments are native events, one a line, as they were or would have been published; or, with --since, those that\n" +
			"the cluster's own ReplicaSets tell of, which are only listed.\n\n" +
			"With --placebo nothing that was deployed is judged, but times at which nothing was: what would have been rolled back then,\n" +
			"automatic mode would roll back by mistake, unless something else was wrong.",
		Example: "  rollbackctl backtest --config rollbackd.yaml --deployments last-month.ndjson\n" +
			"  rollbackctl backtest --config rollbackd.yaml --deployments last-month.ndjson -o html > backtest.html\n" +
			"  rollbackctl backtest --config rollbackd.yaml --since 30d\n" +
			"  rollbackctl backtest --config rollbackd.yaml --since 30d --print-events > last-month.ndjson\n" +
			"  rollbackctl backtest --config rollbackd.yaml --since 14d --placebo 50",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&b.config, "config", "", "the daemon's configuration, whose policies are tried (required)")
	flags.StringVar(&b.prometheus, "prometheus", "", "URL of the Prometheus to ask (default that of the configuration)")
	flags.StringVar(&b.deployments, "deployments", "", "file of native events, one a line; - is standard input")
	b.cluster.register(flags)
	b.placebo.register(flags)
	flags.IntVar(&b.parallel, "parallel", 4, "deployments that are replayed at the same time")
	flags.VarP(&b.output, "output", "o", "text, ndjson or html")
	return cmd
}

func (b *backtester) run(cmd *cobra.Command) (err error) {
	if b.config == "" || (b.deployments == "") == (b.cluster.since == "") {
		return errors.New("--config and either --deployments or --since are needed; rollbackctl backtest --help shows an example")
	}
	if err := errors.Join(b.cluster.check(), b.placebo.check(cmd.Flags(), b.cluster.print)); err != nil {
		return err
	}
	cfg, err := config.Load(b.config)
	if err != nil {
		return err
	}
	sampler, err := b.sampler(cfg)
	if err != nil {
		return err
	}
	events, wrong := b.read(cmd.Context(), cfg)
	if len(events) == 0 {
		return wrong
	}
	if b.cluster.print {
		return b.printEvents(events)
	}
	if b.placebo.number > 0 {
		return errors.Join(b.runPlacebos(cmd.Context(), cfg, sampler, events), wrong)
	}
	report, err := b.report(len(events), cfg.WatchPolicies())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, report.close()) }()
	opts := backtest.Options{Source: sampler, Policies: cfg.WatchPolicies(), Now: time.Now(), Courses: b.output.value == "html"}
	if err := backtest.Run(cmd.Context(), opts, events, b.parallel, report.add); err != nil {
		return err
	}
	return errors.Join(report.end(), wrong)
}

// read returns the deployments, and an error of those that are none; if there are none at all there is an error.
func (b *backtester) read(ctx context.Context, cfg *config.Config) ([]event.Event, error) {
	if b.cluster.since != "" {
		return b.cluster.deployments(ctx, cfg, time.Now())
	}
	events, err := b.readFile()
	if len(events) == 0 {
		return nil, errors.Join(fmt.Errorf("%s holds no deployment", b.deployments), err)
	}
	return events, err
}

func (b *backtester) readFile() ([]event.Event, error) {
	source := b.around.in
	if b.deployments != "-" {
		file, err := os.Open(b.deployments)
		if err != nil {
			return nil, fmt.Errorf("unable to read the deployments: %w", err)
		}
		defer file.Close()
		source = file
	}
	if source == nil {
		return nil, errors.New("there is no standard input to read the deployments from")
	}
	return backtest.ReadEvents(source)
}

// sampler asks the Prometheus of the flag, or else that of the configuration, as whom the configuration says.
func (b *backtester) sampler(cfg *config.Config) (*analyzer.Sampler, error) {
	if b.prometheus != "" {
		cfg.Prometheus.URL = b.prometheus
	}
	client, err := cfg.Prometheus.API()
	if err != nil {
		return nil, err
	}
	return analyzer.NewSampler(client, max(time.Minute, time.Duration(cfg.Prometheus.Timeout))), nil
}
