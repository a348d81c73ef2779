package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// versionPackage is where the version can be put by the linker.
const versionPackage = "github.com/rollbackd/rollbackd/internal/version"

// programs are those in the image; the first is what it starts.
func programs() []string { return []string{"rollbackd", "rollbackctl"} }

// compiled are the programs for one platform.
type compiled struct {
	// Dir is the folder that they are in.
	Dir string
	// Version, Commit and Created are of the sources; Created is the commit's time, so that the same sources make the same image.
	Version, Commit string
	Created         time.Time
	Info            map[string]*buildinfo.BuildInfo
}

// compile builds static programs for a platform.
func compile(ctx context.Context, root, dir, version string, p v1.Platform) (compiled, error) {
	c := compiled{Dir: dir, Version: version, Info: map[string]*buildinfo.BuildInfo{}}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return c, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return c, err
	}
	link := "-s -w"
	if version != "" {
		link += " -X " + versionPackage + ".number=" + version
	}
	for _, name := range programs() {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=auto", "-ldflags", link, "-o", filepath.Join(dir, name), "./cmd/"+name)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=", "GOOS="+p.OS, "GOARCH="+p.Architecture)
		if output, err := cmd.CombinedOutput(); err != nil {
			return c, fmt.Errorf("build %s for %s: %w\n%s", name, p, err, output)
		}
		if c.Info[name], err = buildinfo.ReadFile(filepath.Join(dir, name)); err != nil {
			return c, err
		}
	}
	return c.stamped()
}

// stamped takes over what the toolchain recorded of the sources.
func (c compiled) stamped() (compiled, error) {
	info := c.Info[programs()[0]]
	if c.Version == "" {
		c.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			c.Commit = s.Value
		case "vcs.time":
			at, err := time.Parse(time.RFC3339, s.Value)
			if err != nil {
				return c, err
			}
			c.Created = at
		}
	}
	return c, nil
}
