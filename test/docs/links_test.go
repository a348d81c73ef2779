package docs

import (
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, link := range all[name].links {
			require.Empty(t, dead(all, name, link), "%s links to %s", name, link)
		}
	}
}

// dead says what is wrong with a link of a page; empty if nothing is. Links to other hosts are looked at for their form alone.
func dead(all map[string]page, from, link string) string {
	target, err := url.Parse(link)
	switch {
	case err != nil:
		return err.Error()
	case target.Scheme == "http" || target.Scheme == "https":
		if target.Host == "" {
			return "it has no host"
		}
		return ""
	case target.Scheme != "":
		return "it is neither a path nor an address of the web"
	case strings.HasPrefix(target.Path, "/"):
		return "it is absolute, so that it leads nowhere in a clone"
	}
	to := from
	if target.Path != "" {
		to = path.Join(path.Dir(from), target.Path)
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); err != nil {
			return "there is no such file"
		}
	}
	if target.Fragment == "" {
		return ""
	}
	if p, ok := all[to]; !ok || !p.anchors()[target.Fragment] {
		return "that page has no such heading"
	}
	return ""
}

func TestDeadLinksAreFound(t *testing.T) {
	all := map[string]page{"docs/README.md": {headings: []string{"A `code` & more", "Twice", "Twice"}}}
	for link, want := range map[string]string{
		"#a-code--more":                    "",
		"#twice-1":                         "",
		"#twice-2":                         "that page has no such heading",
		"../README.md":                     "",
		"../README.md#x":                   "that page has no such heading",
		"none.md":                          "there is no such file",
		"/docs":                            "it is absolute, so that it leads nowhere in a clone",
		"mailto:somebody@example.com":      "it is neither a path nor an address of the web",
		"https:///nothing":                 "it has no host",
		"https://kubernetes.io/docs/#none": "",
	} {
		require.Equal(t, want, dead(all, "docs/README.md", link), link)
	}
}

// TestTheIndexNamesEveryPage: what no reader can find was written for nobody.
func TestTheIndexNamesEveryPage(t *testing.T) {
	all := pages(t)
	linked := map[string]bool{}
	for _, link := range all["docs/README.md"].links {
		file, _, _ := strings.Cut(link, "#")
		linked[path.Join("docs", file)] = true
	}
	for name := range all {
		if path.Dir(name) == "docs" && name != "docs/README.md" {
			require.True(t, linked[name], "docs/README.md does not name %s", name)
		}
	}
}
