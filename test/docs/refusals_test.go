package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryRefusalIsExplained: whoever is refused something finds its code in docs/refusals.md, and finds no code there that nothing
// is refused with any more.
func TestEveryRefusalIsExplained(t *testing.T) {
	for area, source := range map[string]struct{ dir, kind string }{
		"Rollbacks": {"rollback", "RefusalCode"},
		"Requests":  {"internal/control", "Code"},
		"Events":    {"internal/event", "Code"},
	} {
		codes := constants(t, source.dir, source.kind)
		require.Greater(t, len(codes), 5, area)
		require.ElementsMatch(t, codes, sections(t, area), "the sections of %q in docs/refusals.md, and the constants of type %s in %s", area, source.kind, source.dir)
	}
}

// constants are the values of a package's string constants of one type.
func constants(t *testing.T, dir, kind string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	require.NoError(t, err)
	var values []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if of, ok := spec.Type.(*ast.Ident); !ok || of.Name != kind {
				return true
			}
			for _, value := range spec.Values {
				if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, err := strconv.Unquote(literal.Value)
					require.NoError(t, err)
					values = append(values, text)
				}
			}
			return true
		})
	}
	return values
}

// sections are the codes that have a heading of the third level below the named one of the second.
func sections(t *testing.T, area string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "refusals.md"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "\n## "+area+"\n")
	require.True(t, found, "docs/refusals.md has no part %q", area)
	rest, _, _ = strings.Cut(rest, "\n## ")
	var codes []string
	for _, section := range strings.Split(rest, "\n### `")[1:] {
		code, body, found := strings.Cut(section, "`\n")
		require.True(t, found, section)
		require.Contains(t, body, "*What to do.*", "the section of %s", code)
		codes = append(codes, code)
	}
	return codes
}
