package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// This file finds its way in the syntax tree, so that mistakes can be told by line and field.

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

// given reports whether the file says anything about the field, if only that it is zero.
func (c *checker) given(path []any) bool {
	node := c.root
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		node = node.Content[0]
	}
	for _, step := range path {
		if node, _ = child(node, step); node == nil {
			return false
		}
	}
	return node.ShortTag() != nullTag
}

const nullTag = "!!null"

// noNulls refuses list entries with nothing in them, which the library would drop without a word.
func (c *checker) noNulls(node *yaml.Node, path []any) {
	walk(node, path, func(n *yaml.Node, path []any) {
		for i, item := range n.Content {
			if n.Kind == yaml.SequenceNode && item.ShortTag() == nullTag {
				c.say(append(slices.Clone(path), i), "is empty; remove the dash or write the entry after it")
			}
		}
	})
}

// walk visits every node but aliases' targets. The path is only lent: whoever keeps it clones it, since one for each node would take the square of how deep a
// file nests.
func walk(node *yaml.Node, path []any, visit func(*yaml.Node, []any)) {
	visit(node, path)
	switch node.Kind {
	case yaml.DocumentNode:
		for _, n := range node.Content {
			walk(n, path, visit)
		}
	case yaml.SequenceNode:
		for i, n := range node.Content {
			walk(n, append(path, i), visit)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			here := append(path, node.Content[i].Value)
			visit(node.Content[i], here)
			walk(node.Content[i+1], here, visit)
		}
	}
}

// pathAt finds what is at a position of the file: the innermost key or value that begins there; nil if none does.
func pathAt(root *yaml.Node, line, column int) []any {
	var found []any
	walk(root, nil, func(n *yaml.Node, path []any) {
		if n.Line == line && n.Column == column {
			found = slices.Clone(path)
		}
	})
	return found
}

// pathOfKey finds the mapping key of that name on that line.
func pathOfKey(root *yaml.Node, key string, line int) []any {
	var found []any
	walk(root, nil, func(n *yaml.Node, path []any) {
		if found == nil && n.Line == line && len(path) > 0 && path[len(path)-1] == key {
			found = slices.Clone(path)
		}
	})
	return found
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
