package policytest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/event"
)

// file is what a scenario file says.
type file struct {
	Config   string         `yaml:"config"`
	Policies yaml.Node      `yaml:"policies"`
	Interval model.Duration `yaml:"interval"`
	Tests    []scenario     `yaml:"tests"`
}

type scenario struct {
	Name        string        `yaml:"name"`
	InputSeries []inputSeries `yaml:"input_series"`
	Deployment  deployment    `yaml:"deployment"`
	Expect      expectation   `yaml:"expect"`
}

type inputSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

// deployment is an event whose time is relative to the start of the series.
type deployment struct {
	At              model.Duration `yaml:"at"`
	ID              string         `yaml:"id"`
	Environment     string         `yaml:"environment"`
	Namespace       string         `yaml:"namespace"`
	Workload        string         `yaml:"workload"`
	Version         string         `yaml:"version"`
	PreviousVersion string         `yaml:"previousVersion"`
	Policy          string         `yaml:"policy"`
	Strategy        event.Strategy `yaml:"strategy"`
	Service         string         `yaml:"service"`
	SelectorKey     string         `yaml:"selectorKey"`
	From            string         `yaml:"from"`
	To              string         `yaml:"to"`
}

// expectation is what should come. What is left out is not looked at.
type expectation struct {
	Verdict     analyzer.Verdict `yaml:"verdict"`
	Signal      *string          `yaml:"signal"`
	Between     []model.Duration `yaml:"between"`
	Reason      string           `yaml:"reason"`
	AsksAPerson *bool            `yaml:"asksAPerson"`
}

// Load reads a scenario file. The error names every mistake with its file, line and field.
func Load(path string) ([]Test, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("unable to read the scenarios: %w", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("%s: the file is empty; it needs config or policies, and tests", path)
	}
	var f file
	doc, err := config.ReadStrict(data, &f)
	if err != nil {
		return nil, inFile(path, err)
	}
	cfg, err := f.configuration(path, doc)
	if err != nil {
		return nil, err
	}
	r := reader{path: path, doc: doc, cfg: cfg, interval: time.Duration(f.Interval)}
	if f.Interval == 0 {
		r.interval = time.Duration(cfg.Prometheus.ScrapeInterval)
	}
	return r.tests(f.Tests)
}

// inFile names the file in front of each mistake.
func inFile(path string, err error) error {
	mistakes, ok := errors.AsType[config.Mistakes](err)
	if !ok {
		return fmt.Errorf("%s: %w", path, err)
	}
	var all []error
	for _, m := range mistakes {
		all = append(all, fmt.Errorf("%s: %s", path, m))
	}
	return errors.Join(all...)
}

// configuration finds the policies: in a configuration beside the file, or in the file.
func (f file) configuration(path string, doc *config.Document) (*config.Config, error) {
	inline := !f.Policies.IsZero()
	switch {
	case inline == (f.Config != ""):
		doc.Say([]any{"config"}, "give either config, the path of a configuration relative to this file, or policies, as a configuration has them")
	case f.Interval < 0:
		doc.Say([]any{"interval"}, "%s is not positive; use that of the values of the series, such as 15s", f.Interval)
	}
	if err := doc.Err(); err != nil {
		return nil, inFile(path, err)
	}
	if !inline {
		name := f.Config
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		cfg, err := config.Load(name)
		if err != nil {
			return nil, fmt.Errorf("%s: config: %w", path, err)
		}
		return cfg, nil
	}
	if f.Interval == 0 {
		f.Interval = model.Duration(15 * time.Second)
	}
	cfg, err := config.Inline(&f.Policies, f.environments(), f.Interval)
	if err != nil {
		return nil, inFile(path, err)
	}
	return cfg, nil
}

// environments are those that the tests name, by which inline policies may be chosen.
func (f file) environments() []string {
	var out []string
	for _, t := range f.Tests {
		if e := t.Deployment.Environment; event.IsName(e) && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		out = []string{"production"}
	}
	return out
}
