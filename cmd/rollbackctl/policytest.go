package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/policytest"
)

// policyTester tries policies on made-up series.
type policyTester struct {
	around surroundings
	only   string
	output output
}

func newPolicyTest(around surroundings) *cobra.Command {
	p := &policyTester{around: around}
	cmd := &cobra.Command{
		Use:   "policy-test FILE...",
		Short: "Try policies on made-up series: which deployment would be rolled back, and when",
		Long: "Policy-test reads scenarios: series in the notation of promtool's unit tests, a deployment, and the verdict that it should\n" +
			"come to. It judges each as the daemon would, asks no server, and says what came where that is not what was expected.\n\n" +
			"It exits with 1 if a test fails, and with 2 if a file cannot be used.",
		Example: "  rollbackctl policy-test deploy/policy-test.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, files []string) error { return p.run(cmd, files) },
	}
	cmd.Flags().StringVar(&p.only, "run", "", "run only the tests whose names match this regular expression")
	p.output.register(cmd.Flags())
	return cmd
}

func (p *policyTester) run(cmd *cobra.Command, files []string) error {
	tests, err := p.load(files)
	if err != nil {
		return err
	}
	summary := policytest.Summary{Tests: []policytest.Record{}}
	for _, t := range tests {
		result, err := t.Run(cmd.Context())
		if err != nil {
			return err
		}
		summary.Add(result)
		if p.output == outputText {
			if err := p.print(result); err != nil {
				return err
			}
		}
	}
	if p.output == outputJSON {
		if err := writeJSON(p.around.out, summary); err != nil {
			return err
		}
	}
	if summary.Failed > 0 {
		return refusal{fmt.Errorf("%d of %s failed", summary.Failed, count(len(tests), "test"))}
	}
	return nil
}

// print writes a result for people, in which nothing of a file may steer the terminal.
func (p *policyTester) print(r policytest.Result) error {
	var text strings.Builder
	if err := r.Write(&text); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(p.around.out, plain(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

// load reads all files before any test is run, so that all their mistakes are told at once.
func (p *policyTester) load(files []string) ([]policytest.Test, error) {
	only, err := regexp.Compile(p.only)
	if err != nil {
		return nil, fmt.Errorf("--run: %w", err)
	}
	var out []policytest.Test
	var wrong []error
	for _, file := range files {
		tests, err := policytest.Load(file)
		if err != nil {
			wrong = append(wrong, err)
		}
		for _, t := range tests {
			if only.MatchString(t.Name) {
				out = append(out, t)
			}
		}
	}
	if len(wrong) == 0 && len(out) == 0 {
		wrong = append(wrong, fmt.Errorf("no test has a name that matches %q", p.only))
	}
	return out, errors.Join(wrong...)
}
