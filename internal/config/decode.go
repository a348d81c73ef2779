package config

import (
	"errors"

	"go.yaml.in/yaml/v4"
)

// decode reads strict YAML into a value and returns its syntax tree, in which the lines of fields can be looked up.
func decode(data []byte, into any) (*yaml.Node, error) {
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil {
		return nil, syntax(data, err)
	}
	err := construct(&root, into, func(into any) error { return yaml.Load(data, into, yaml.WithKnownFields()) })
	return &root, err
}

// construct fills a value by load and says by the syntax tree what does not fit.
func construct(root *yaml.Node, into any, load func(into any) error) error {
	check := &checker{root: root}
	check.noNulls(root, nil)
	err := load(into)
	var many *yaml.LoadErrors
	if errors.As(err, &many) {
		for _, e := range many.Errors {
			check.library(e)
		}
	} else if err != nil {
		return err
	}
	return check.err()
}

// checker collects mistakes with the lines that they are on.
type checker struct {
	root     *yaml.Node
	mistakes []Finding
}

// say notes a mistake in the field at the path; an absent field is laid to the nearest thing around it that is there.
func (c *checker) say(path []any, format string, args ...any) {
	c.mistakes = append(c.mistakes, findingAt(c.root, path, format, args...))
}

// err returns all mistakes in the order of their lines, or nil.
func (c *checker) err() error {
	if len(c.mistakes) == 0 {
		return nil
	}
	sortFindings(c.mistakes)
	return Mistakes(c.mistakes)
}
