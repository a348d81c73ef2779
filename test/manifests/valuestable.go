package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"
)

// installDoc has the table of the values between two marks.
const (
	installDoc = "docs/install.md"
	tableBegin = "<!-- values: make manifests -->\n"
	tableEnd   = "<!-- /values -->\n"
)

// valuesTable is the page on installing, with a table of the chart's values: their keys and comments.
func valuesTable(root string) (map[string][]byte, error) {
	rows, err := valueRows(root)
	if err != nil {
		return nil, err
	}
	page, err := os.ReadFile(filepath.Join(root, installDoc))
	if err != nil {
		return nil, err
	}
	before, rest, found := strings.Cut(string(page), tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		return nil, fmt.Errorf("%s has no marks for the table of values", installDoc)
	}
	var out bytes.Buffer
	out.WriteString(before + tableBegin + "| value | default | what it is |\n|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", r.key, r.value, r.meaning)
	}
	out.WriteString(tableEnd + after)
	return map[string][]byte{installDoc: out.Bytes()}, nil
}

type valueRow struct{ key, value, meaning string }

// valueRows are the values that have a comment, and must be all of them.
func valueRows(root string) ([]valueRow, error) {
	data, err := os.ReadFile(filepath.Join(root, chartDir, "values.yaml"))
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Load(data, &document); err != nil {
		return nil, err
	}
	var rows []valueRow
	return rows, errors.Join(collect(&rows, "", document.Content[0])...)
}

// collect adds the rows of a mapping. A key without a comment must have keys below it that have them.
func collect(rows *[]valueRow, prefix string, mapping *yaml.Node) (mistakes []error) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		path := prefix + key.Value
		paragraphs := strings.Split(strings.TrimSpace(key.HeadComment), "\n\n")
		comment := plain(paragraphs[len(paragraphs)-1])
		switch {
		case comment != "":
			*rows = append(*rows, valueRow{key: path, value: shown(value), meaning: comment})
		case value.Kind == yaml.MappingNode && len(value.Content) > 0:
			mistakes = append(mistakes, collect(rows, path+".", value)...)
		default:
			mistakes = append(mistakes, fmt.Errorf("values.yaml: %s has no comment that says what it is", path))
		}
	}
	return mistakes
}

func plain(comment string) string {
	var words []string
	for line := range strings.SplitSeq(comment, "\n") {
		words = append(words, strings.TrimSpace(strings.TrimPrefix(line, "#")))
	}
	return strings.ReplaceAll(strings.TrimSpace(strings.Join(words, " ")), "|", `\|`)
}

// shown is a default, if it fits into a cell.
func shown(value *yaml.Node) string {
	switch {
	case value.Kind == yaml.ScalarNode && value.Value == "":
		return ""
	case value.Kind == yaml.ScalarNode:
		return "`" + value.Value + "`"
	case len(value.Content) == 0:
		return ""
	}
	var names []string
	for i, item := range value.Content {
		if value.Kind == yaml.SequenceNode && item.Kind == yaml.ScalarNode {
			names = append(names, item.Value)
		} else if value.Kind == yaml.MappingNode && i%2 == 0 {
			return "see values.yaml"
		}
	}
	return "`[" + strings.Join(names, ", ") + "]`"
}
