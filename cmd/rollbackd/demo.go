package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/demo"
)

func demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show bad releases being taken back and a good one left alone, on a local Kubernetes",
		Long: `Show bad releases being taken back, by undo and by a blue-green switch, and a good one left alone.

It builds and starts a real Kubernetes control plane and Prometheus on loopback, with simulated nodes and pods, runs
the daemon against them and tells what happens. It must be run in a checkout of the repository. The first build takes
minutes; after that the demo takes about three. The exit code is 0 only if all releases ended as they should.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			executable, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program's own file, to run it as the daemon: %w", err)
			}
			err = demo.Run(c.Context(), demo.Options{Executable: executable, Out: os.Stdout, Progress: os.Stderr})
			if _, mistake := errors.AsType[demo.UsageError](err); mistake {
				return usageError{err}
			}
			return err
		},
	}
}
