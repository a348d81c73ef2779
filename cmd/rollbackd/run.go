package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/app"
	"github.com/rollbackd/rollbackd/internal/config"
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
	c := &cobra.Command{
		Use:   "run --config FILE",
		Short: "Run the daemon",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := config.Load(path)
			if err != nil {
				return usageError{err}
			}
			log, err := app.NewLogger(cfg.Log)
			if err != nil {
				return usageError{err}
			}
			defer func() { _ = log.Sync() }() // a terminal cannot be synced, and says so
			frugal()
			return app.Run(c.Context(), cfg, version(), log)
		},
	}
	c.Flags().StringVar(&path, "config", "rollbackd.yaml", "the configuration file")
	return c
}
