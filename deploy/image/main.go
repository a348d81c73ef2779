// Command image builds the container image of rollbackd without docker and without pulling anything: the programs, compiled for each
// platform, in one layer on nothing, with the certificates of public authorities. It writes an OCI layout, a tarball of it that docker
// load and skopeo read, and a bill of materials for each platform. make image runs it.
//
// It is a module of its own, so that its dependencies are not the daemon's.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	root := flags.String("root", "../..", "the root of the repository")
	out := flags.String("out", "../../dist/image", "the folder to write to")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "the platforms, separated by commas")
	version := flags.String("version", "", "the version; empty means what git says")
	roots := flags.String("roots", "", "only write the authorities' certificates to this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *roots != "" {
		return writeFile(*roots, authorities())
	}
	var parsed []v1.Platform
	for name := range strings.SplitSeq(*platforms, ",") {
		p, err := v1.ParsePlatform(name)
		if err != nil {
			return err
		}
		parsed = append(parsed, *p)
	}
	return build(ctx, *root, *out, *version, parsed)
}

// build compiles and writes everything.
func build(ctx context.Context, root, out, version string, platforms []v1.Platform) error {
	license, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	if err != nil {
		return err
	}
	var images []platformImage
	for _, p := range platforms {
		dir := filepath.Join(out, "bin", p.OS+"-"+p.Architecture)
		made, err := compile(ctx, root, dir, version, p)
		if err != nil {
			return err
		}
		image, err := assemble(made, license, p)
		if err != nil {
			return err
		}
		images = append(images, platformImage{Platform: p, Image: image})
		bill, err := materials(made, p)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(out, "sbom-"+p.OS+"-"+p.Architecture+".cdx.json"), bill); err != nil {
			return err
		}
	}
	digest, err := writeLayout(out, images)
	if err != nil {
		return err
	}
	fmt.Println(digest)
	return writeFile(filepath.Join(out, "digest"), []byte(digest+"\n"))
}

func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
