package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// output is how results are written.
type output string

// The outputs.
const (
	outputText output = "text"
	outputJSON output = "json"
)

// Set implements pflag.Value.
func (o *output) Set(text string) error {
	if output(text) != outputText && output(text) != outputJSON {
		return fmt.Errorf("must be %s or %s", outputText, outputJSON)
	}
	*o = output(text)
	return nil
}

// String implements pflag.Value.
func (o *output) String() string { return string(*o) }

// Type implements pflag.Value.
func (o *output) Type() string { return "format" }

func (o *output) register(flags *pflag.FlagSet) {
	*o = outputText
	flags.VarP(o, "output", "o", "text or json")
}

// choice is a flag that takes one of a few values.
type choice struct {
	value string
	of    []string
}

// Set implements pflag.Value.
func (c *choice) Set(text string) error {
	if !slices.Contains(c.of, text) {
		return fmt.Errorf("must be one of %s", strings.Join(c.of, ", "))
	}
	c.value = text
	return nil
}

// String implements pflag.Value.
func (c *choice) String() string { return c.value }

// Type implements pflag.Value.
func (c *choice) Type() string { return "format" }

// writeJSON writes the value as one line.
func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
