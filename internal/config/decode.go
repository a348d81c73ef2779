package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

// decode reads strict YAML into c and returns its syntax tree, in which the lines of fields can be looked up.
func decode(data []byte, c *Config) (*yaml.Node, error) {
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil {
		return nil, syntax(data, err)
	}
	check := &checker{root: &root}
	check.noNulls(&root, nil)
	err := yaml.Load(data, c, yaml.WithKnownFields())
	var many *yaml.LoadErrors
	if errors.As(err, &many) {
		for _, e := range many.Errors {
			check.library(e)
		}
	} else if err != nil {
		return nil, err
	}
	return &root, check.err()
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
