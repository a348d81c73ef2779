package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/doctor"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/promclient"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// examiner looks whether Prometheus has what a workload's policy needs.
type examiner struct {
	around                                 surroundings
	config, workload, version, environment string
	timeout                                time.Duration
	output                                 output
	permissions                            permissionDoctor
}

func newDoctor(around surroundings) *cobra.Command {
	d := &examiner{around: around}
	cmd := &cobra.Command{
		Use:   "doctor --config FILE (--workload NAMESPACE/NAME | --permissions)",
		Short: "Ask Prometheus once for all that a workload is judged by, or Kubernetes for the permissions, and say what is missing",
		Long: "Doctor runs every signal of a workload's policy once against Prometheus and says what it found: series, labels, values,\n" +
			"the buckets around a latency limit, how soon the traffic can prove a release bad, and what is wrong where nothing is found.\n\n" +
			"It needs Prometheus alone and changes nothing. It exits with 1 if there is any problem.\n\n" +
			"With --permissions it asks Kubernetes instead, or the daemon, whether all is allowed that the configuration takes\n" +
			"(docs/permissions.md), and says of what is missing what goes away and how to mend it. Before the daemon is installed, ask as its\n" +
			"ServiceAccount, which takes the right to impersonate it.",
		Example: "  rollbackctl doctor --config rollbackd.yaml --workload shop/checkout --version v1.2.3\n" +
			"  rollbackctl doctor --config rollbackd.yaml --permissions --as system:serviceaccount:rollbackd:rollbackd",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&d.config, "config", "c", "", "the daemon's configuration (required)")
	flags.StringVar(&d.workload, "workload", "", "the workload as NAMESPACE/NAME")
	flags.StringVar(&d.version, "version", "", "version to look for, as events name it")
	flags.StringVar(&d.environment, "env", "", "environment of the workload (default the first one with a policy for it)")
	flags.DurationVar(&d.timeout, "timeout", 2*time.Minute, "how long to ask in all; one question may take prometheus.timeout")
	d.output.register(flags)
	d.permissions.register(flags)
	return cmd
}

func (d *examiner) run(ctx context.Context) error {
	if p := d.permissions; p.wanted && d.workload == "" {
		p.around, p.config, p.timeout, p.output = d.around, d.config, d.timeout, d.output
		return p.run(ctx)
	} else if p.wanted {
		return errors.New("--workload asks Prometheus and --permissions Kubernetes; give one of them at a time")
	}
	namespace, name, ok := strings.Cut(d.workload, "/")
	if d.config == "" || !ok || !event.IsName(namespace) || name == "" {
		return errors.New("--config FILE and --workload NAMESPACE/NAME are needed; rollbackctl doctor --help shows an example")
	}
	if d.timeout <= 0 {
		return fmt.Errorf("--timeout %s leaves Prometheus no time to answer", d.timeout)
	}
	cfg, err := config.Load(d.config)
	if err != nil {
		return err
	}
	request, err := d.request(cfg, namespace, name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	report, err := examine(ctx, cfg, request)
	if err != nil {
		return err
	}
	if err := d.print(report, cfg.Prometheus.URL); err != nil {
		return err
	}
	if n := report.Problems(); n > 0 {
		return refusal{fmt.Errorf("%s: %s", d.workload, count(n, "problem"))}
	}
	return nil
}

// request chooses the workload's policy as the daemon does.
func (d *examiner) request(cfg *config.Config, namespace, name string) (doctor.Request, error) {
	environments := cfg.Environments
	if d.environment != "" {
		environments = []string{d.environment}
	}
	for _, environment := range environments {
		target := event.Target{Environment: environment, Namespace: namespace, Workload: name}
		for i, p := range cfg.WatchPolicies() {
			if p.Covers(target) {
				return doctor.Request{
					Policy: p, Namespace: namespace, Workload: name, Version: d.version, Needs: needs(cfg.Policies[i]),
					Now: time.Now(), Timeout: time.Duration(cfg.Prometheus.Timeout),
				}, nil
			}
		}
	}
	return doctor.Request{}, refusal{fmt.Errorf("no policy of %s covers %s in %s; add it to the match of one", d.config, d.workload, strings.Join(environments, ", "))}
}

// needs are what the presets of a policy's signals need.
func needs(p config.Policy) map[string]string {
	presets, err := config.Presets()
	out := map[string]string{}
	for _, s := range p.Signals {
		for _, preset := range presets {
			if err == nil && preset.Name == s.Preset {
				out[s.Name] = preset.Needs
			}
		}
	}
	return out
}

func examine(ctx context.Context, cfg *config.Config, request doctor.Request) (doctor.Report, error) {
	client, err := cfg.Prometheus.Client()
	if err != nil {
		return doctor.Report{}, err
	}
	defer client.CloseIdleConnections()
	asked, err := promclient.New(cfg.Prometheus.URL, client)
	if err != nil {
		return doctor.Report{}, fmt.Errorf("prometheus.url: %w", err)
	}
	short, cancel := context.WithTimeout(ctx, request.Timeout)
	defer cancel()
	skew, err := promclient.ReadSkew(short, asked, time.Now)
	if err != nil {
		return doctor.Report{}, fmt.Errorf("unable to ask Prometheus at %s; check prometheus.url, and that it runs: %w", cfg.Prometheus.URL, err)
	}
	report := doctor.Examine(ctx, asked, request)
	seconds := skew.Ahead.Seconds()
	report.ClockSkew = &seconds
	report.Findings = append(report.Findings, doctor.ClockFinding(skew, longestScrape(request.Policy)))
	return report, nil
}

func longestScrape(p watch.Policy) time.Duration {
	var longest time.Duration
	for _, s := range p.Signals {
		longest = max(longest, s.Scrape)
	}
	return longest
}

func (d *examiner) print(report doctor.Report, url string) error {
	if d.output == outputJSON {
		return writeJSON(d.around.out, report)
	}
	fmt.Fprintf(d.around.out, "%s, policy %s, asked of %s\n", plain(d.workload), plain(report.Policy), plain(url))
	printFindings(d.around.out, report.Findings)
	for _, s := range report.Signals {
		fmt.Fprintf(d.around.out, "\n%s (%s)\n", plain(s.Name), s.Kind)
		printFindings(d.around.out, s.Findings)
		if len(s.Labels) > 0 {
			fmt.Fprintf(d.around.out, "  labels   %s\n", plain(strings.Join(s.Labels, ", ")))
		}
		if s.Query != "" {
			fmt.Fprintf(d.around.out, "  query    %s\n", plain(s.Query))
		}
	}
	return nil
}

func printFindings(w io.Writer, findings []doctor.Finding) {
	for _, f := range findings {
		fmt.Fprintf(w, "  %-8s %s\n", f.Level, plain(f.Text))
		if f.Fix != "" {
			fmt.Fprintf(w, "           → %s\n", plain(f.Fix))
		}
	}
}
