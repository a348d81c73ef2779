// Command stack runs a real Kubernetes control plane, Prometheus and NATS with simulated nodes and
// applications on loopback, for rollbackd's tests and demo. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rollbackd/rollbackd/test/stack/internal/builder"
)

const usage = `Usage:
  stack up [flags]     start the stack and run it until it is stopped (Ctrl-C)
  stack build [flags]  only build the programs that are missing
`

// errStopped is the cause of an end that somebody asked for.
var errStopped = errors.New("stopped")

// settings are the command line.
type settings struct {
	source, bin, readyFile string
	scrape                 time.Duration
	nodes                  int
	exitWithStdin, keep    bool
}

func main() {
	if len(os.Args) < 2 || (os.Args[1] != "up" && os.Args[1] != "build") {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	config, err := parse(os.Args[1], os.Args[2:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stack:", err)
		os.Exit(2)
	}
	if err := run(os.Args[1], config); err != nil && !errors.Is(err, errStopped) {
		fmt.Fprintln(os.Stderr, "stack:", err)
		os.Exit(1)
	}
}

func parse(command string, arguments []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("stack "+command, flag.ContinueOnError)
	flags.StringVar(&s.source, "source", "", "folder of the stack's sources (default: test/stack above the working folder)")
	flags.StringVar(&s.bin, "bin", "", "folder for the built programs (default: .stack/bin at the root of the repository)")
	if command == "up" {
		flags.DurationVar(&s.scrape, "scrape", 5*time.Second, "scrape interval of Prometheus")
		flags.IntVar(&s.nodes, "nodes", 4, "number of simulated nodes")
		flags.StringVar(&s.readyFile, "ready-file", "", "write a JSON document with all addresses to this file when ready")
		flags.BoolVar(&s.exitWithStdin, "exit-with-stdin", false, "stop when standard input ends")
		flags.BoolVar(&s.keep, "keep", false, "keep the temporary folder with logs and data")
	}
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if s.source == "" {
		var err error
		if s.source, err = findSource(); err != nil {
			return s, err
		}
	}
	if s.bin == "" {
		s.bin = filepath.Join(s.source, "..", "..", ".stack", "bin")
	}
	var err error
	if s.source, err = filepath.Abs(s.source); err != nil {
		return s, err
	}
	s.bin, err = filepath.Abs(s.bin)
	return s, err
}

// findSource looks for this module from the working folder upwards.
func findSource() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		for _, candidate := range []string{folder, filepath.Join(folder, "test", "stack")} {
			if _, err := os.Stat(filepath.Join(candidate, "kube", "main.go")); err == nil {
				return candidate, nil
			}
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("the folder test/stack is not above the working folder: run inside the repository or give --source")
		}
		folder = parent
	}
}

func run(command string, config settings) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(errStopped)
	stopOnSignal(cancel)
	if config.exitWithStdin {
		stopWithStdin(cancel)
	}
	binaries, err := builder.Ensure(ctx, builder.Options{
		Source: config.source, Folder: config.bin, Tests: command == "build", Progress: os.Stderr,
	})
	if err != nil || command == "build" {
		return err
	}
	return up(ctx, cancel, config, binaries, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}

// stopOnSignal ends the stack on the first signal; a second one ends the program at once.
func stopOnSignal(cancel context.CancelCauseFunc) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel(errStopped)
	}()
}

// stopWithStdin ends the stack when the program that holds the other end of standard input has
// gone, however it died.
func stopWithStdin(cancel context.CancelCauseFunc) {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel(errStopped)
	}()
}
