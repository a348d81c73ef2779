// Package docs holds the documentation to the code and to itself: links lead somewhere, every page is in the index, and every
// code by which something is refused has its section.
package docs

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

const root = "../.."

// page is what a Markdown file holds of headings and links.
type page struct {
	headings []string
	links    []string
}

// pages reads every Markdown file that belongs to the repository, by its path from the root.
func pages(t *testing.T) map[string]page {
	t.Helper()
	all := map[string]page{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case entry.IsDir() && path != root && (strings.HasPrefix(name, ".") && name != ".github" || isOutput(path)):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".md":
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		source, err := os.ReadFile(path)
		all[filepath.ToSlash(relative)] = readPage(source)
		return err
	})
	require.NoError(t, err)
	require.Greater(t, len(all), 20)
	return all
}

// isOutput says whether a folder is one that the daemon or a test writes; those in testdata are golden records, whose links lead
// to where a record is served.
func isOutput(path string) bool {
	switch filepath.Base(path) {
	case "testdata", "bin":
		return true
	case "artifacts", "logs", "data":
		return filepath.Dir(path) == root
	}
	return false
}

func readPage(source []byte) page {
	var p page
	document := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := node.(type) {
		case *ast.Heading:
			p.headings = append(p.headings, plain(n, source))
		case *ast.Link:
			p.links = append(p.links, string(n.Destination))
		case *ast.Image:
			p.links = append(p.links, string(n.Destination))
		}
		return ast.WalkContinue, nil
	})
	return p
}

// plain is the text of a node without its marks.
func plain(node ast.Node, source []byte) string {
	var out bytes.Buffer
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if piece, ok := n.(*ast.Text); ok && entering {
			out.Write(piece.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return out.String()
}

// anchors are what can be linked to in a page, as GitHub makes them of its headings.
func (p page) anchors() map[string]bool {
	all := map[string]bool{}
	for _, heading := range p.headings {
		name := slug(heading)
		for i := 1; all[name]; i++ {
			name = slug(heading) + "-" + string(rune('0'+i))
		}
		all[name] = true
	}
	return all
}

func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}
