package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/version"
)

// The exit codes, which scripts may rely on.
const (
	exitDone    = 0
	exitRefused = 1
	exitUsage   = 2
)

// surroundings are what a command has of the process it runs in.
type surroundings struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
}

// refusal is an answer of no: whatever was asked was understood, and refused. Every other error means that it could
// not be asked.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// run runs one command line and returns its exit code. Results go to standard output, errors to standard error.
func run(ctx context.Context, args []string, around surroundings) int {
	root := newRoot(around)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(around.err, "rollbackctl:", err)
	}
	return exitCode(err)
}

// exitCode is what a command that ended so tells a script.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if _, refused := errors.AsType[refusal](err); refused {
		return exitRefused
	}
	return exitUsage
}

func newRoot(around surroundings) *cobra.Command {
	root := &cobra.Command{
		Use:   "rollbackctl",
		Short: "Announce deployments to rollbackd, decide on its rollbacks, and check what it would do",
		Long: "Rollbackctl asks what speaks against a deployment, announces deployments to rollbackd, lets people decide on rollbacks, shows incidents\n" +
			"and their postmortems, checks the configuration alone and against Prometheus, and shows what rollbackd would have done about past\n" +
			"deployments, and what it would do about made-up ones.\n\n" +
			"It exits with 0 when what was asked is done, 1 when it was refused, and 2 when it could not be asked or no answer came.",
		Version:      version.Get().String(),
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetIn(around.in)
	root.SetOut(around.out)
	root.SetErr(around.err)
	root.AddCommand(newPreflight(around), newEmit(around), newList(around), newShow(around), newFollow(around),
		newApprove(around), newDeny(around), newAbort(around), newHold(around), newRollback(around), newDrill(around),
		newIncidents(around), newIncident(around), newPostmortem(around), newNotices(around), newReport(around),
		newCheckConfig(around), newRBAC(around), newNotifyTest(around), newDoctor(around), newBacktest(around), newPolicyTest(around), newVersion(around))
	return root
}
