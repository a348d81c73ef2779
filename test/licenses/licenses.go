// Licenses writes THIRD_PARTY_LICENSES: under what terms the modules stand whose code is in the programs, and the texts that have to
// go along with it. A module without a text, or under terms that nobody has allowed, is an error. It reads the module cache and
// asks nobody.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is one whose code is in a program.
type module struct {
	Path, Version, Dir string
	Main               bool
}

func main() {
	text, err := write(".")
	if err == nil {
		err = os.WriteFile("THIRD_PARTY_LICENSES", text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

// write returns the whole file for the checkout at root.
func write(root string) ([]byte, error) {
	modules, err := list(root)
	if err != nil {
		return nil, err
	}
	var table bytes.Buffer
	users := map[string][]string{}
	var wrong []error
	for _, m := range modules {
		texts, err := read(m)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		fmt.Fprintf(&table, "%s %s: %s\n", m.Path, m.Version, strings.Join(names(texts), ", "))
		for _, text := range texts {
			users[text] = append(users[text], m.Path)
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return render(table.Bytes(), users), nil
}

func render(table []byte, users map[string][]string) []byte {
	var out bytes.Buffer
	out.WriteString("rollbackd and rollbackctl hold code of these modules, and of the Go standard library, whose terms are those of golang.org/x/sys.\nWritten by make licenses.\n\n")
	out.Write(table)
	for _, text := range slices.SortedFunc(maps.Keys(users), func(a, b string) int {
		return cmp.Or(cmp.Compare(users[a][0], users[b][0]), cmp.Compare(a, b))
	}) {
		fmt.Fprintf(&out, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(slices.Compact(users[text]), "\n"), text)
	}
	return out.Bytes()
}

// list returns the modules of the programs as they are built for Linux, by path.
func list(root string) ([]module, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=Module", "./cmd/...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOWORK=off")
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, problems.String())
	}
	found := map[string]module{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct{ Module *module }
		err := decoder.Decode(&pkg)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		if pkg.Module != nil && !pkg.Module.Main {
			found[pkg.Module.Path] = *pkg.Module
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b module) int { return cmp.Compare(a.Path, b.Path) }), nil
}

// read returns the texts of a module's terms and notices.
func read(m module) ([]string, error) {
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		return nil, fmt.Errorf("%s %s is not in the module cache; run go mod download: %w", m.Path, m.Version, err)
	}
	var texts []string
	for _, entry := range entries {
		if entry.IsDir() || !regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense|notice)([.-].*)?$`).MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.Dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	if err := check(texts); err != nil {
		return nil, fmt.Errorf("%s %s: %w", m.Path, m.Version, err)
	}
	return texts, nil
}

// check says why a module with these texts may not be used; nil if it may.
func check(texts []string) error {
	known := names(texts)
	if len(known) == 0 {
		return errors.New("no text of a licence was found that is known; add it to allowed() if its terms may be accepted")
	}
	for _, text := range texts {
		if regexp.MustCompile(`(?i)GNU (AFFERO |LESSER )?GENERAL PUBLIC LICENSE\s+Version|Business Source License|Server Side Public License`).MatchString(text) {
			return errors.New("its terms are not allowed for what we distribute")
		}
	}
	return nil
}

// licence is one whose terms are accepted, told by words that only its text has.
type licence struct {
	name  string
	words *regexp.Regexp
}

// allowed are the terms under which the code of others may be in the programs.
func allowed() []licence {
	return []licence{
		{"Apache-2.0", regexp.MustCompile(`Apache License\s+Version 2\.0`)},
		{"MIT", regexp.MustCompile(`Permission is hereby granted, free of charge, to any person obtaining\s+a copy`)},
		{"BSD-3-Clause", regexp.MustCompile(`(?s)Redistributions in binary form must reproduce.*(Neither the name|names? of (its|the|any) .*contributors)`)},
		{"BSD-2-Clause", regexp.MustCompile(`Redistributions in binary form must reproduce`)},
		{"ISC", regexp.MustCompile(`Permission to use, copy, modify, and(/or)? distribute this software`)},
		{"MPL-2.0", regexp.MustCompile(`Mozilla Public License,?\s+[Vv]ersion 2\.0`)},
		// What is under it is used as it is published, and its sources are public.
		{"EPL-2.0", regexp.MustCompile(`Eclipse Public License - v 2\.0`)},
		{"CC0-1.0", regexp.MustCompile(`CC0 1\.0 Universal`)},
		{"Unlicense", regexp.MustCompile(`This is free and unencumbered software released into the public domain`)},
	}
}

// names are the licences whose texts these are, in the order of allowed, each once.
func names(texts []string) []string {
	var out []string
	for _, text := range texts {
		for _, l := range allowed() {
			if !l.words.MatchString(text) || l.name == "BSD-2-Clause" && slices.Contains(out, "BSD-3-Clause") {
				continue
			}
			if !slices.Contains(out, l.name) {
				out = append(out, l.name)
			}
		}
	}
	return out
}
