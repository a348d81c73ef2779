package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/version"
)

func newVersion(around surroundings) *cobra.Command {
	var as output
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which build of rollbackctl this is",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info := version.Get()
			if as == outputJSON {
				return writeJSON(around.out, info)
			}
			_, err := fmt.Fprintln(around.out, info)
			return err
		},
	}
	as.register(cmd.Flags())
	return cmd
}
