package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/rollbackd/rollbackd/internal/event"
)

// This file says in a user's words what the YAML library says in a Go programmer's.

var (
	unknownField = regexp.MustCompile(`(?s)field (.*) not found in type`)
	definedTwice = regexp.MustCompile(`already defined at line (\d+)`)
	wrongType    = regexp.MustCompile("(?s)cannot construct !*(\\S*)(?: `(.*)`)? into (.+)")
	noDuration   = regexp.MustCompile(`(?s)(?:in duration|not a valid duration string:|empty duration string|duration out of range)`)
)

// syntax describes a file that is no YAML at all.
func syntax(data []byte, err error) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return Mistakes{{Line: 1, Message: "the file is empty; it needs at least instance, environments, prometheus.url and policies"}}
	}
	var e *yaml.LoadError
	if strings.HasSuffix(err.Error(), "expected single document, found multiple") {
		return Mistakes{{Message: "the file holds several YAML documents, parted by --- or ended by ..., and must hold one; put what belongs together under one and take the rest out"}}
	}
	if !errors.As(err, &e) || e.Mark.Line == 0 {
		return Mistakes{{Message: "not YAML: " + strings.TrimPrefix(err.Error(), "yaml: construct errors: <unknown position>: yaml: ")}}
	}
	text := e.Message
	if e.ContextMsg != "" {
		text += " " + e.ContextMsg
	}
	return Mistakes{{Line: e.Mark.Line, Message: "not YAML: " + text + "; look at the indentation, colons and brackets here and just before"}}
}

// library takes over a mistake that the YAML library found. Values of the HTTP client may be secrets and are not shown.
func (c *checker) library(e *yaml.LoadError) {
	text := e.Message
	if inner := errors.Unwrap(e); inner != nil {
		text = inner.Error()
	}
	path := pathAt(c.root, e.Mark.Line, e.Mark.Column)
	if m := unknownField.FindStringSubmatch(text); m != nil {
		path = pathOfKey(c.root, m[1], e.Mark.Line)
		text = fmt.Sprintf("unknown key %q; check its spelling, and by the indentation what it belongs to", m[1])
	} else if m := definedTwice.FindStringSubmatch(text); m != nil {
		text = fmt.Sprintf("is given twice, first on line %s; keep one", m[1])
	} else if m := wrongType.FindStringSubmatch(text); m != nil {
		text = c.misfit(path, m[1], m[3])
	} else if noDuration.MatchString(text) {
		text = fmt.Sprintf("%s is not a duration; write it as 30s, 5m or 1h30m", c.shown(path))
	}
	c.mistakes = append(c.mistakes, Finding{Line: max(e.Mark.Line, 1), Field: dotted(path), Message: text})
}

// misfit says what was found and what is wanted in its place.
func (c *checker) misfit(path []any, tag, goType string) string {
	found := map[string]string{"seq": "a list", "map": "a mapping", "null": "nothing"}[tag]
	if found == "" {
		found = c.shown(path)
	}
	wanted := "a mapping, that is, indented keys with their values"
	switch {
	case underHTTPClient(path):
		wanted = "what Prometheus' own HTTP client configuration has there"
	case strings.HasPrefix(goType, "[]"):
		wanted = "a list, such as [production] or lines that begin with a dash"
	case strings.HasPrefix(goType, "uint"), strings.HasPrefix(goType, "int"):
		wanted = "a whole number that is not negative"
	case strings.HasPrefix(goType, "float"):
		wanted = "a number, such as 0.1"
	case goType == "bool":
		wanted = "true or false"
	case goType == "string", strings.HasSuffix(goType, ".Mode"), strings.HasSuffix(goType, ".Severity"), strings.HasSuffix(goType, ".Role"), strings.HasSuffix(goType, ".Kind"), strings.HasSuffix(goType, ".Secret"),
		strings.HasPrefix(goType, "notifier."):
		wanted = "text"
	}
	return fmt.Sprintf("is %s; it must be %s", found, wanted)
}

func underHTTPClient(path []any) bool {
	return slices.Contains(path, any("httpClient"))
}

// shown quotes the value at the path as the file has it, unless it may be a secret.
func (c *checker) shown(path []any) string {
	if underHTTPClient(path) {
		return "a single value"
	}
	text := ""
	walk(c.root, nil, func(n *yaml.Node, at []any) {
		if n.Kind == yaml.ScalarNode && dotted(at) == dotted(path) {
			text = n.Value
		}
	})
	return event.Quote(text)
}
