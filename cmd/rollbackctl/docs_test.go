package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocumentedCommandsExist: every command line of rollbackctl that the documentation prints has a command and flags that there are.
// Those in blocks of code are whole, and must have the arguments that the command takes.
func TestDocumentedCommandsExist(t *testing.T) {
	found := 0
	for _, path := range documentation(t) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, line := range commandLines(string(text)) {
			found++
			require.NoError(t, line.check(), "%s: %s", path, line.text)
		}
	}
	require.Greater(t, found, 60)
}

// documentation are the files in which command lines of rollbackctl stand.
func documentation(t *testing.T) []string {
	t.Helper()
	files := []string{"../../README.md", "../../CONTRIBUTING.md", "../../SECURITY.md", "../../deploy/example.yaml", "../../deploy/policy-test.yaml"}
	err := filepath.WalkDir("../../docs", func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		if err == nil && !entry.IsDir() && (filepath.Ext(name) == ".md" || strings.Contains(path, "snippets")) {
			files = append(files, path)
		}
		return err
	})
	require.NoError(t, err)
	return files
}

// commandLine is one that a document prints.
type commandLine struct {
	text string
	// whole says that it stands in a block of code, and can be run as it is.
	whole bool
}

// commandLines finds those in blocks of code and in code among words.
func commandLines(text string) []commandLine {
	var lines []commandLine
	text = regexp.MustCompile(`\\\n\s*`).ReplaceAllString(text, " ")
	rest := regexp.MustCompile("(?s)```[a-z]*\n.*?```").ReplaceAllStringFunc(text, func(block string) string {
		for _, match := range regexp.MustCompile(`(?m)(?:^|\$ |&& |exec |bin/)rollbackctl ([a-z].*)$`).FindAllStringSubmatch(block, -1) {
			lines = append(lines, commandLine{text: match[1], whole: true})
		}
		return ""
	})
	for _, match := range regexp.MustCompile("`(?:bin/)?rollbackctl ([a-z][^`]*)`").FindAllStringSubmatch(rest, -1) {
		lines = append(lines, commandLine{text: strings.Join(strings.Fields(match[1]), " ")})
	}
	return lines
}

// check has the command parse the line, and does not run it.
func (l commandLine) check() error {
	root := newRoot(surroundings{in: strings.NewReader(""), out: &bytes.Buffer{}, err: &bytes.Buffer{}, env: func(string) string { return "" }})
	words := shellWords(l.text)
	cmd, args, err := root.Find(words)
	if err != nil {
		return err
	}
	if cmd == root {
		return errors.New("it names no command that does something")
	}
	if err := cmd.ParseFlags(args); err != nil {
		return err
	}
	if !l.whole {
		return nil
	}
	if cmd.HasSubCommands() {
		return errors.New("it names no command that does something")
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		return err
	}
	return cmd.ValidateFlagGroups()
}

// shellWords splits a simple command as a shell would, up to what belongs to the shell.
func shellWords(line string) []string {
	var words []string
	for _, match := range regexp.MustCompile(`"([^"]*)"|'([^']*)'|[^\s"']+(?:"[^"]*"|'[^']*')?`).FindAllStringSubmatch(line, -1) {
		word := match[0]
		if regexp.MustCompile(`^(#.*|\||\|\||&&|;|>|>>|<|2>.*)$`).MatchString(word) {
			break
		}
		words = append(words, strings.Trim(word, `"'`))
	}
	return words
}

func TestWrongCommandLinesAreFound(t *testing.T) {
	text := "Run `rollbackctl emitt` or `rollbackctl emit --nme x`.\n```sh\nbin/rollbackctl show   # one\nrollbackctl postmortem\n" +
		"rollbackctl emit --env a \\\n  --namespace b > file\n```\n"
	var wrong []string
	for _, line := range commandLines(text) {
		if line.check() != nil {
			wrong = append(wrong, line.text)
		}
	}
	require.Equal(t, []string{"show   # one", "postmortem", "emitt", "emit --nme x"}, wrong)
}
