package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// artifact is what goreleaser says of something that it has made; path is below the folder that it ran in.
type artifact struct {
	Path, Goos, Goarch, Type string
	Extra                    struct{ Binary string }
}

// released takes the programs for a platform from what goreleaser has built, so that the image has the same bytes as the archives. list is its
// dist/artifacts.json, in a folder of the root.
func released(root, list, dir, version string, p v1.Platform) (compiled, error) {
	c := compiled{Dir: dir, Version: version, Info: map[string]*buildinfo.BuildInfo{}}
	text, err := os.ReadFile(list)
	if err != nil {
		return c, err
	}
	var all []artifact
	if err := json.Unmarshal(text, &all); err != nil {
		return c, fmt.Errorf("%s: %w", list, err)
	}
	for _, name := range programs() {
		at := slices.IndexFunc(all, func(a artifact) bool {
			return a.Type == "Binary" && a.Extra.Binary == name && a.Goos == p.OS && a.Goarch == p.Architecture
		})
		if at < 0 {
			return c, fmt.Errorf("%s has no program %s for %s", list, name, p)
		}
		content, err := os.ReadFile(filepath.Join(root, all[at].Path))
		if err != nil {
			return c, err
		}
		if err := writeFile(filepath.Join(dir, name), content); err != nil {
			return c, err
		}
		if c.Info[name], err = buildinfo.ReadFile(filepath.Join(dir, name)); err != nil {
			return c, err
		}
	}
	return c.stamped()
}
