package main

import (
	"encoding/json"
	"fmt"
	"io"

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

// writeJSON writes the value as one line.
func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
