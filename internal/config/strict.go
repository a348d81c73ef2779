package config

import (
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"
)

// This file lends the strictness of the configuration to other files that are written by hand.

// Document is a YAML file that was read strictly. It collects mistakes with their lines.
type Document struct{ check checker }

// ReadStrict reads YAML into a value. The error is Mistakes and names all that does not fit, each with its line and field.
func ReadStrict(data []byte, into any) (*Document, error) {
	root, err := decode(data, into)
	if err != nil {
		return nil, err
	}
	return &Document{check: checker{root: root}}, nil
}

// Say notes a mistake in the field at the path, whose steps are the keys and the places in lists that lead to it.
func (d *Document) Say(path []any, format string, args ...any) { d.check.say(path, format, args...) }

// Err returns all mistakes in the order of their lines, or nil.
func (d *Document) Err() error { return d.check.err() }

// Inline makes a configuration of policies that stand in another file, with that file's lines in what is said about them. The
// policies are those of a daemon that watches the environments and whose Prometheus scrapes so often.
func Inline(policies *yaml.Node, environments []string, scrape model.Duration) (*Config, error) {
	c := defaultConfig()
	c.Instance, c.Environments = "inline", environments
	c.Prometheus.URL, c.Prometheus.ScrapeInterval = "http://inline", scrape
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "policies", Line: policies.Line, Column: policies.Column}
	root := &yaml.Node{Kind: yaml.DocumentNode, Line: policies.Line, Content: []*yaml.Node{
		{Kind: yaml.MappingNode, Tag: "!!map", Line: policies.Line, Content: []*yaml.Node{key, policies}},
	}}
	if err := construct(root, c, func(into any) error { return root.Load(into, yaml.WithKnownFields()) }); err != nil {
		return nil, err
	}
	if err := c.finish(root); err != nil {
		return nil, err
	}
	return c, nil
}
