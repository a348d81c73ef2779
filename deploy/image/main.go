// Command image builds the container image of rollbackd without docker and without pulling anything: the programs, compiled for each
// platform, in one layer on nothing, with the certificates of public authorities. It writes an OCI layout, a tarball of it that docker
// load and skopeo read, and a bill of materials for each platform. make image runs it. A release has it take the programs that goreleaser has compiled,
// push the image, and write the bills of materials of those programs.
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

// options say what is to be made.
type options struct {
	root, out, version string
	// artifacts is goreleaser's list of what it has built; empty has the programs compiled.
	artifacts string
	// push is where the image is stored besides; empty is nowhere.
	push      string
	platforms []v1.Platform
}

func run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.StringVar(&o.root, "root", "../..", "the root of the repository")
	flags.StringVar(&o.out, "out", "../../dist/image", "the folder to write to")
	flags.StringVar(&o.version, "version", "", "the version; empty means what git says")
	flags.StringVar(&o.artifacts, "artifacts", "", "take the programs from this artifacts.json of goreleaser, in place of compiling them")
	flags.StringVar(&o.push, "push", "", "a repository and tag to push the image to, as docker login allows")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "the platforms, separated by commas")
	program := flags.String("bill", "", "only write the bill of materials of this program, to the file that the first argument names")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *program != "" {
		return writeBill(*program, o.version, flags.Arg(0))
	}
	for name := range strings.SplitSeq(*platforms, ",") {
		p, err := v1.ParsePlatform(name)
		if err != nil {
			return err
		}
		o.platforms = append(o.platforms, *p)
	}
	return o.build(ctx)
}

// build compiles and writes everything.
func (o options) build(ctx context.Context) error {
	terms := map[string][]byte{}
	for _, name := range licenses() {
		var err error
		if terms[name], err = os.ReadFile(filepath.Join(o.root, name)); err != nil {
			return err
		}
	}
	var images []platformImage
	for _, p := range o.platforms {
		made, err := o.programs(ctx, p)
		if err != nil {
			return err
		}
		image, err := assemble(made, terms, p)
		if err != nil {
			return err
		}
		images = append(images, platformImage{Platform: p, Image: image})
		bill, err := materials(made, p)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(o.out, "sbom-"+p.OS+"-"+p.Architecture+".cdx.json"), bill); err != nil {
			return err
		}
	}
	index := together(images)
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	if err := writeLayout(o.out, index); err != nil {
		return err
	}
	if o.push != "" {
		if err := push(ctx, o.push, index); err != nil {
			return err
		}
	}
	fmt.Println(digest)
	return writeFile(filepath.Join(o.out, "digest"), []byte(digest.String()+"\n"))
}

// programs are those for a platform, in a folder of their own.
func (o options) programs(ctx context.Context, p v1.Platform) (compiled, error) {
	dir := filepath.Join(o.out, "bin", p.OS+"-"+p.Architecture)
	if o.artifacts != "" {
		return released(o.root, o.artifacts, dir, o.version, p)
	}
	return compile(ctx, o.root, dir, o.version, p)
}

func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
