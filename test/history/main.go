// Command history makes up a labelled history of deployments and the metrics that a Prometheus scraped meanwhile, to
// test and measure judging by. Its README tells what is in it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rollbackd/rollbackd/test/history/record"
	"github.com/rollbackd/rollbackd/test/history/scenario"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "history:", err)
		os.Exit(2)
	}
}

// run makes up and writes one history.
func run(ctx context.Context, arguments []string, out, progress io.Writer) error {
	dir, options, err := parse(arguments, progress)
	if err != nil {
		return err
	}
	plan, err := scenario.New(options)
	if err != nil {
		return err
	}
	began := time.Now()
	var last record.Progress
	err = record.Write(ctx, plan, dir, func(p record.Progress) {
		last = p
		fmt.Fprintf(progress, "\r%d of %d blocks, %.1f million samples", p.Blocks, p.All, float64(p.Samples)/1e6)
	})
	if last.Blocks > 0 {
		fmt.Fprintln(progress)
	}
	if errors.Is(err, record.ErrNotEmpty) {
		return fmt.Errorf("-out: %w; name a new folder, or remove it first", err)
	}
	if err != nil {
		return err
	}
	return summarise(out, plan, dir, last.Samples, time.Since(began))
}

func parse(arguments []string, usage io.Writer) (dir string, o scenario.Options, err error) {
	flags := flag.NewFlagSet("history", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&dir, "out", "", "`folder` to write to; it must be empty or not exist")
	flags.IntVar(&o.Deployments, "deployments", 400, "number of deployments")
	flags.IntVar(&o.Workloads, "workloads", 20, "number of workloads that are deployed in turn")
	flags.IntVar(&o.Namespaces, "namespaces", 4, "number of namespaces, each with two more workloads that are never deployed")
	flags.Uint64Var(&o.Seed, "seed", 1, "decides everything that is random: the same seed gives the same files")
	flags.DurationVar(&o.Before, "before", time.Hour, "how long each deployment is recorded before its start")
	flags.DurationVar(&o.After, "after", 2*time.Hour, "how long each deployment is recorded after its start")
	flags.DurationVar(&o.Span, "span", 0, "spread the deployments over this time, such as 720h (default: end to end)")
	flags.BoolVar(&o.Continuous, "continuous", false, "with -span, record the workloads between their deployments too")
	flags.DurationVar(&o.EventLag, "event-lag", 0, "by how much the event of a deployment may be later than its start")
	start := flags.String("start", "2026-10-05T00:00:00Z", "when the history begins, RFC 3339")
	layouts := flags.String("layouts", "pod", "how metrics are labelled, one or more of pod,version,workload; the namespaces get them in turn")
	faults := flags.String("faults", "", "comma-separated faults that the deployments get in turn (default: a realistic mixture)")
	if err := flags.Parse(arguments); err != nil {
		return "", o, err
	}
	if o.Start, err = time.Parse(time.RFC3339, *start); err != nil {
		return "", o, fmt.Errorf("-start: %q is not a time; write it as 2026-10-05T00:00:00Z", *start)
	}
	o.Layouts, o.Faults = list[scenario.Layout](*layouts), list[scenario.Fault](*faults)
	if err := nonZero(flags); err != nil {
		return "", o, err
	}
	if flags.NArg() > 0 {
		return "", o, fmt.Errorf("unexpected argument %q; everything is a flag, see -help", flags.Arg(0))
	}
	if dir == "" {
		return "", o, errors.New("-out: is missing; name the folder to write to")
	}
	return dir, o, nil
}

// nonZero refuses the zeros that would mean a default.
func nonZero(flags *flag.FlagSet) (err error) {
	flags.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "deployments", "workloads", "namespaces", "before", "after":
			if v := f.Value.String(); v == "0" || v == "0s" {
				err = fmt.Errorf("-%s: %s is too little; make it more, or leave the flag out for %s", f.Name, v, f.DefValue)
			}
		}
	})
	return err
}

func list[T ~string](text string) []T {
	var out []T
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, T(word))
		}
	}
	return out
}

// summarise says what was written and how to look at it.
func summarise(out io.Writer, p *scenario.Plan, dir string, samples uint64, took time.Duration) error {
	counts := map[scenario.Fault]int{}
	bad := 0
	for _, d := range p.Deployments {
		counts[d.Truth.Fault]++
		if d.Truth.Label == scenario.Bad {
			bad++
		}
	}
	fmt.Fprintf(out, "%d deployments from %s to %s, %d of them bad; %.1f million samples in %.1f s\n", len(p.Deployments),
		p.Start.Format(time.RFC3339), p.End.Format(time.RFC3339), bad, float64(samples)/1e6, took.Seconds())
	for _, f := range scenario.Faults() {
		if counts[f] > 0 {
			fmt.Fprintf(out, "  %4d %s\n", counts[f], f)
		}
	}
	_, err := fmt.Fprintf(out, "serve it: prometheus --config.file=/dev/null --storage.tsdb.path=%s --storage.tsdb.retention.time=100y\n",
		filepath.Join(dir, record.TSDB))
	return err
}
