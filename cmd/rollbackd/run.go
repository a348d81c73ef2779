package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/app"
	"github.com/rollbackd/rollbackd/internal/collector"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/version"
)

// usageError is a mistake of whoever started the program.
type usageError struct{ error }

func exitCode(err error) int {
	if errors.As(err, &usageError{}) {
		return exitUsage
	}
	return exitFailed
}

func runCommand() *cobra.Command {
	var path string
	var pprof, observe bool
	c := &cobra.Command{
		Use:   "run --config FILE",
		Short: "Run the daemon",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := config.Load(path)
			if err != nil {
				return usageError{err}
			}
			log, level, err := app.NewLogger(cfg.Log)
			if err != nil {
				return usageError{err}
			}
			defer func() { _ = log.Sync() }() // a terminal cannot be synced, and says so
			go collector.Pace(c.Context())
			reload, stop := hangups()
			defer stop()
			return app.Run(c.Context(), app.Options{Config: cfg, Version: version.Get().Version, Log: log, Level: level, Reload: reload, Pprof: pprof, Observe: observe})
		},
	}
	c.Flags().StringVar(&path, "config", "rollbackd.yaml", "the configuration file")
	c.Flags().BoolVar(&pprof, "pprof", false, "serve profiles of the daemon at /debug/pprof/, as http.pprof does")
	c.Flags().BoolVar(&observe, "observe", false, "roll back and pause nothing automatically, whatever the modes of the policies; people still can")
	return c
}

// hangups tells of each SIGHUP, by which the configuration is read again. Several that come while it is being read are one.
func hangups() (<-chan struct{}, func()) {
	signals, out := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(signals, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-signals:
				select {
				case out <- struct{}{}:
				default:
				}
			case <-done:
				return
			}
		}
	}()
	return out, func() { signal.Stop(signals); close(done) }
}
