package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// checkConfig checks a configuration without asking anybody.
type checkConfig struct {
	around surroundings
	output output
	// files has files that cannot be used be mistakes.
	files bool
}

// checked is what is to say about one file.
type checked struct {
	File string `json:"file"`
	OK   bool   `json:"ok"`
	// Policies are those of a file without mistakes.
	Policies []config.Summary `json:"policies"`
	// Notify is who is told what; absent where there are mistakes.
	Notify   *config.NotifySummary `json:"notify,omitempty"`
	Warnings []config.Finding      `json:"warnings"`
	Mistakes []config.Finding      `json:"mistakes"`
}

func newCheckConfig(around surroundings) *cobra.Command {
	c := &checkConfig{around: around}
	cmd := &cobra.Command{
		Use:   "check-config FILE",
		Short: "Check a configuration, without asking any server",
		Long: "Check-config reads a configuration as the daemon would, and prints every mistake with its line, or what the policies come to.\n\n" +
			"Warnings tell of what works but is likely not meant; they do not make it fail. Whether Prometheus has the series that the\n" +
			"policies name is for doctor to find out.",
		Example: "  rollbackctl check-config rollbackd.yaml\n" +
			"  rollbackctl check-config --files /etc/rollbackd/config/rollbackd.yaml   # where the daemon runs, with its Secrets",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.run(args[0]) },
	}
	c.output.register(cmd.Flags())
	cmd.Flags().BoolVar(&c.files, "files", false, "have it fail when a file that the configuration names, such as that of a secret, cannot be used here")
	return cmd
}

func (c *checkConfig) run(file string) error {
	result := checked{File: file, Policies: []config.Summary{}, Warnings: []config.Finding{}, Mistakes: []config.Finding{}}
	cfg, err := config.Load(file)
	mistakes, wrong := errors.AsType[config.Mistakes](err)
	switch {
	case wrong:
		result.Mistakes = mistakes
	case err != nil:
		return err
	default:
		result.OK, result.Policies = true, cfg.Summaries()
		result.Notify = new(cfg.NotifySummary())
		result.Warnings = append(result.Warnings, cfg.Warnings()...)
		unusable := cfg.MissingFiles(func(path string) error { return usable(cfg, path) })
		if c.files && len(unusable) > 0 {
			result.OK, result.Mistakes, mistakes, wrong = false, unusable, unusable, true
		} else {
			result.Warnings = append(result.Warnings, unusable...)
		}
	}
	if err := c.print(result); err != nil {
		return err
	}
	if wrong {
		return refusal{fmt.Errorf("%s: %s", file, count(len(mistakes), "mistake"))}
	}
	return nil
}

func (c *checkConfig) print(result checked) error {
	if c.output == outputJSON {
		return writeJSON(c.around.out, result)
	}
	for _, m := range result.Mistakes {
		fmt.Fprintf(c.around.out, "%s: %s\n", plain(result.File), plain(m.String()))
	}
	if result.OK {
		policies := count(len(result.Policies), "policy")
		fmt.Fprintf(c.around.out, "%s: ok, %s\n", plain(result.File), policies)
		for _, p := range result.Policies {
			printPolicy(c.around.out, p)
		}
		printNotify(c.around.out, *result.Notify)
	}
	if len(result.Warnings) > 0 {
		fmt.Fprintln(c.around.out)
	}
	for _, w := range result.Warnings {
		fmt.Fprintf(c.around.out, "%s: warning: %s\n", plain(result.File), plain(w.String()))
	}
	return nil
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if bare, ok := strings.CutSuffix(noun, "y"); ok {
		return fmt.Sprintf("%d %sies", n, bare)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func printPolicy(w io.Writer, p config.Summary) {
	fmt.Fprintf(w, "\n  %s: %s\n", plain(p.Name), plain(strings.Join(p.Match, ", ")))
	for _, s := range p.Stages {
		does := map[watch.Mode]string{watch.Observe: "records only", watch.Approve: "asks a person", watch.Automatic: "rolls back"}[s.Mode]
		if does == "" {
			does = string(s.Mode)
		}
		fmt.Fprintf(w, "    %-9s until %-5s every %-4s %s\n", s.Name, s.Until, s.Interval, does)
	}
	for _, s := range p.Signals {
		text := plain(s.Name) + ": " + string(s.Kind)
		if s.Preset != "" {
			text += " by the preset " + s.Preset
		}
		if s.Limit != "" {
			text += ", limit " + s.Limit
		}
		text += ", for longer than " + s.For
		if s.Strict {
			text += ", strict"
		}
		fmt.Fprintf(w, "    %s\n", text)
		if s.Kind != analyzer.KindRollout && s.Kind != analyzer.KindSmoke {
			fmt.Fprintf(w, "      %s\n", plain(comparison(s)))
		}
	}
}

func comparison(s config.SignalSummary) string {
	if s.ComparedBy == "" {
		return "no label tells the release from the old version, so it is compared with the time before it only"
	}
	return "the label " + s.ComparedBy + " tells the release from the old version"
}

// usable says why a file that the configuration names cannot be used here; nil if it can, as far as that is seen without asking anybody.
func usable(cfg *config.Config, path string) error {
	if path == cfg.HTTP.WebConfig {
		return cfg.HTTP.WebConfigError()
	}
	content, err := os.ReadFile(path)
	if err == nil && len(bytes.TrimSpace(content)) == 0 {
		err = fmt.Errorf("%s is empty", path)
	}
	return err
}
