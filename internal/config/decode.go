package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// decode reads strict YAML into c and returns its syntax tree, in which the lines of fields can be looked up.
func decode(data []byte, c *Config) (*yaml.Node, error) {
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil {
		return nil, fmt.Errorf("not YAML: %w", err)
	}
	err := yaml.Load(data, c, yaml.WithKnownFields())
	var many *yaml.LoadErrors
	if errors.As(err, &many) {
		check := &checker{root: &root}
		for _, e := range many.Errors {
			check.library(e)
		}
		return nil, check.err()
	}
	if err != nil {
		return nil, err
	}
	return &root, nil
}

// checker collects mistakes with the lines that they are on.
type checker struct {
	root     *yaml.Node
	mistakes []mistake
}

type mistake struct {
	line int
	text string
}

// say notes a mistake in the field at the path; an absent field is laid to the nearest thing around it that is there.
func (c *checker) say(path []any, format string, args ...any) {
	c.mistakes = append(c.mistakes, mistake{
		line: lineOf(c.root, path),
		text: dotted(path) + ": " + fmt.Sprintf(format, args...),
	})
}

// err returns all mistakes in the order of their lines, or nil.
func (c *checker) err() error {
	if len(c.mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(c.mistakes, func(a, b mistake) int { return cmp.Compare(a.line, b.line) })
	var all []error
	for _, m := range c.mistakes {
		all = append(all, fmt.Errorf("line %d: %s", m.line, m.text))
	}
	return errors.Join(all...)
}

// library takes over a mistake that the YAML library found, in words that do not speak of Go types.
func (c *checker) library(e *yaml.LoadError) {
	text := e.Message
	if inner := errors.Unwrap(e); inner != nil {
		text = inner.Error()
	}
	line := e.Mark.Line
	if m := regexp.MustCompile(`field (\S+) not found in type`).FindStringSubmatch(text); m != nil {
		path := pathOfKey(c.root, m[1], line, nil)
		text = fmt.Sprintf("%s: unknown key %q", dotted(path), m[1])
	}
	c.mistakes = append(c.mistakes, mistake{line: line, text: text})
}

// lineOf follows the path as far as it exists.
func lineOf(node *yaml.Node, path []any) int {
	line := max(node.Line, 1)
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		node = node.Content[0]
	}
	for _, step := range path {
		next, at := child(node, step)
		if next == nil {
			return line
		}
		node, line = next, at
	}
	return line
}

func child(node *yaml.Node, step any) (*yaml.Node, int) {
	switch step := step.(type) {
	case string:
		for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i+1], node.Content[i].Line
			}
		}
	case int:
		if node.Kind == yaml.SequenceNode && step < len(node.Content) {
			return node.Content[step], node.Content[step].Line
		}
	}
	return nil, 0
}

// pathOfKey finds the mapping key of that name on that line.
func pathOfKey(node *yaml.Node, key string, line int, path []any) []any {
	switch node.Kind {
	case yaml.DocumentNode:
		for _, c := range node.Content {
			return pathOfKey(c, key, line, path)
		}
	case yaml.SequenceNode:
		for i, c := range node.Content {
			if p := pathOfKey(c, key, line, append(slices.Clone(path), i)); p != nil {
				return p
			}
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			here := append(slices.Clone(path), node.Content[i].Value)
			if node.Content[i].Value == key && node.Content[i].Line == line {
				return here
			}
			if p := pathOfKey(node.Content[i+1], key, line, here); p != nil {
				return p
			}
		}
	}
	return nil
}

// dotted writes a path as people do: policies[0].signals[1].for.
func dotted(path []any) string {
	var b strings.Builder
	for _, step := range path {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", step)
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step)
		}
	}
	return b.String()
}
