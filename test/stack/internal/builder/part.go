// Package builder builds the programs of the stack from source, once for each version.
package builder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	kubernetesVersion = "v1.37.2"
	kwokVersion       = "v0.8.0"
	prometheusVersion = "v0.316.0"
)

// part is one program to build.
type part struct {
	name    string
	version string
	// guess says how long the first build takes, so that nobody thinks it hangs.
	guess string
	// key stands for everything the binary depends on besides the Go version and the platform.
	key string
	// prepare makes what command needs in folder; nil if that is nothing.
	prepare func(ctx context.Context, folder string) error
	// command is the build, which must put the binary into folder/binary.
	command func(ctx context.Context, folder string) *exec.Cmd
	binary  string
}

// fileName is the name of the built program. It changes whenever the program would.
func (p part) fileName() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{p.key, p.version, runtime.Version(), runtime.GOOS, runtime.GOARCH}, "\x00")))
	return p.name + "-" + hex.EncodeToString(sum[:6])
}

// parts lists what has to be built; source is the folder of this module.
func parts(source string) ([]part, error) {
	kube, err := kubePart(source)
	if err != nil {
		return nil, err
	}
	return []part{
		kube,
		installPart("kwok", "sigs.k8s.io/kwok/cmd/kwok", kwokVersion, "about 75 s", ""),
		// Without the tag, a client library that only one cloud's discovery needs cannot be had from
		// the module proxy. File discovery, the only one the stack uses, stays.
		installPart("prometheus", "github.com/prometheus/prometheus/cmd/prometheus", prometheusVersion, "about 90 s", "remove_all_sd"),
	}, nil
}

// promtoolPart checks and tests rules. It is of the same version as the Prometheus that evaluates them.
func promtoolPart() part {
	return installPart("promtool", "github.com/prometheus/prometheus/cmd/promtool", prometheusVersion, "about 60 s", "remove_all_sd")
}

func kubePart(source string) (part, error) {
	var key strings.Builder
	for _, name := range []string{"go.mod", "go.sum", "kube/main.go"} {
		content, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return part{}, fmt.Errorf("read the sources of the Kubernetes binary (is --source the folder test/stack?): %w", err)
		}
		key.Write(content)
	}
	major, minor, _ := strings.Cut(strings.TrimPrefix(kubernetesVersion, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	// Without a version the components refuse to start, as their compatibility checks need one.
	const version = "k8s.io/component-base/version."
	flags := fmt.Sprintf("-s -w -X %sgitVersion=%s -X %sgitMajor=%s -X %sgitMinor=%s",
		version, kubernetesVersion, version, major, version, minor)
	return part{
		name: "kube", version: kubernetesVersion, guess: "about 6 min", key: key.String() + flags, binary: "kube",
		command: func(ctx context.Context, folder string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", flags, "-o", filepath.Join(folder, "kube"), "./kube")
			cmd.Dir = source
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
			return cmd
		},
	}, nil
}

func installPart(name, path, version, guess, tags string) part {
	return part{
		name: name, version: version, guess: guess, key: path + tags, binary: name,
		command: func(ctx context.Context, folder string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "-tags", tags, "-ldflags", "-s -w", path+"@"+version)
			cmd.Dir = folder
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOBIN="+folder)
			return cmd
		},
	}
}
