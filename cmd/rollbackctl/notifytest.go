package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/notifier"
)

// notifyTest tells every sink that nothing has happened, to find out whether that arrives.
type notifyTest struct {
	around   surroundings
	config   string
	sinks    []string
	severity choice
	timeout  time.Duration
	output   output
}

// tried is what came of one sink.
type tried struct {
	Sink string `json:"sink"`
	Kind string `json:"kind"`
	OK   bool   `json:"ok"`
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"`
}

func newNotifyTest(around surroundings) *cobra.Command {
	t := &notifyTest{around: around, severity: choice{value: string(notifier.Warn), of: []string{"info", "warn", "page"}}}
	cmd := &cobra.Command{
		Use:   "notify-test --config FILE",
		Short: "Send one message that says it is a test through every sink, and print what came of each",
		Long: "Notify-test tells each sink of the configuration, once and from this machine, that nothing has happened. It goes by no route and\n" +
			"leaves no trace in any record. Of severity page it may wake somebody.\n\n" +
			"It exits with 1 if any sink did not take it.",
		Example: "  rollbackctl notify-test --config rollbackd.yaml --sink chat",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return t.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&t.config, "config", "", "the daemon's configuration (required)")
	flags.StringArrayVar(&t.sinks, "sink", nil, "name of a sink to try, more than once for several (default all)")
	flags.Var(&t.severity, "severity", "info, warn or page")
	flags.DurationVar(&t.timeout, "timeout", notifier.DefaultDeadline, "how long each sink may take")
	t.output.register(flags)
	return cmd
}

func (t *notifyTest) run(ctx context.Context) error {
	if t.config == "" || t.timeout <= 0 {
		return errors.New("--config FILE and a --timeout above 0 are needed; rollbackctl notify-test --help shows an example")
	}
	cfg, err := config.Load(t.config)
	if err != nil {
		return err
	}
	if cfg, err = cfg.OnlySinks(t.sinks); err != nil {
		return err
	}
	tools, disconnect, err := t.tools(cfg)
	if err != nil {
		return err
	}
	defer disconnect()
	return t.report(t.tryAll(ctx, cfg, tools))
}

// tools are what sinks need of their surroundings, as far as they are there.
func (t *notifyTest) tools(cfg *config.Config) (config.SinkTools, func(), error) {
	tools := config.SinkTools{Log: zap.NewNop(), Kubernetes: cfg.Kubernetes.Client, Memory: &notifier.Forgetful{}}
	if cfg.NATS.URL == "" {
		return tools, func() {}, nil
	}
	options := []nats.Option{nats.Name("rollbackctl notify-test"), nats.Timeout(t.timeout)}
	nc, err := cfg.NATS.Credentials().Connect(cfg.NATS.URL, options...)
	if err != nil {
		return tools, nil, fmt.Errorf("nats: %w", err)
	}
	tools.NATS = nc
	return tools, nc.Close, nil
}

// tryAll tries all sinks at once, so that one that hangs costs no more than its own time.
func (t *notifyTest) tryAll(ctx context.Context, cfg *config.Config, tools config.SinkTools) []tried {
	sinks := cfg.NotifySummary().Sinks
	results := make([]tried, len(sinks))
	var running sync.WaitGroup
	for i, s := range sinks {
		running.Go(func() {
			began := time.Now()
			err := t.try(ctx, cfg, tools, s.Name)
			results[i] = tried{Sink: s.Name, Kind: s.Kind, OK: err == nil, Seconds: time.Since(began).Seconds()}
			if err != nil {
				results[i].Error = err.Error()
			}
		})
	}
	running.Wait()
	return results
}

// try makes one sink and tries it; one that cannot be made keeps no other from being tried.
func (t *notifyTest) try(ctx context.Context, cfg *config.Config, tools config.SinkTools, name string) error {
	only, err := cfg.OnlySinks([]string{name})
	if err != nil {
		return err
	}
	to, err := only.Receivers(tools)
	if err != nil {
		return err
	}
	return notifier.Try(ctx, to[0], notifier.TestNotice(time.Now(), cfg.Environments[0], notifier.Severity(t.severity.value)), t.timeout)
}

func (t *notifyTest) report(results []tried) error {
	failed := 0
	for _, r := range results {
		if !r.OK {
			failed++
		}
	}
	if t.output == outputJSON {
		if err := writeJSON(t.around.out, results); err != nil {
			return err
		}
	} else {
		for _, r := range results {
			what := "sent"
			if !r.OK {
				what = "FAILED: " + r.Error
			}
			fmt.Fprintf(t.around.out, "%s (%s): %s, %.1fs\n", plain(r.Sink), r.Kind, plain(what), r.Seconds)
		}
	}
	switch {
	case len(results) == 0:
		return refusal{errors.New("no sinks are configured: notices go to the daemon's log only")}
	case failed > 0:
		return refusal{fmt.Errorf("%s of %d did not take it", count(failed, "sink"), len(results))}
	}
	return nil
}
