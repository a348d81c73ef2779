// Command manifests writes what follows from the chart and from the code: the base of the kustomizations, the parts of the chart
// that are copies, the table of its values, and what rollbackd wants of a NATS server. make manifests runs it.
//
// It is a module of its own, so that Helm's and kustomize's dependencies are not the daemon's.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", "../..", "the root of the repository")
	flag.Parse()
	if err := write(*root); err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
}

// write writes every generated file. The chart's own parts come first, because what is rendered depends on them.
func write(root string) error {
	for _, step := range steps() {
		files, err := step(root)
		if err != nil {
			return err
		}
		for name, content := range files {
			path := filepath.Join(root, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
				return err
			}
		}
	}
	return nil
}

// steps are what is generated, in order. Each returns contents by paths below the root.
func steps() []func(root string) (map[string][]byte, error) {
	return []func(string) (map[string][]byte, error){monitoringFiles, permissionsFile, restartFile, schemaFile, kustomizeFiles, valuesTable, natsFiles}
}
