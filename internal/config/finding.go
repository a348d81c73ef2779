package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Finding is something to say about one place of the file.
type Finding struct {
	// Line is where it is, 0 if that is not known.
	Line int `json:"line,omitempty"`
	// Field is the path of the field, such as policies[0].signals[1].for; empty if it is about the whole file.
	Field string `json:"field,omitempty"`
	// Message names the value and what to do about it.
	Message string `json:"message"`
}

// String returns the finding on one line.
func (f Finding) String() string {
	text := f.Message
	if f.Field != "" {
		text = f.Field + ": " + text
	}
	if f.Line > 0 {
		text = fmt.Sprintf("line %d: %s", f.Line, text)
	}
	return text
}

// Mistakes is the error of a configuration that cannot work: everything that is wrong with it, in the order of lines.
type Mistakes []Finding

// Error returns all of them, each on a line.
func (m Mistakes) Error() string {
	var lines []string
	for _, f := range m {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// findingAt lays what is said to the line of the field at the path.
func findingAt(root *yaml.Node, path []any, format string, args ...any) Finding {
	return Finding{Line: lineOf(root, path), Field: dotted(path), Message: fmt.Sprintf(format, args...)}
}

func sortFindings(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
}
