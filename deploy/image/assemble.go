package main

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The user that the image runs as, by number, so that a cluster can see that it is not root.
const (
	user   = 65532
	runsAs = "65532:65532"
)

// workFolder is where data and records go; a volume takes its place.
const workFolder = "/var/lib/rollbackd"

const authoritiesFile = "/etc/ssl/certs/ca-certificates.crt"

// licenses are the files of the repository with the terms of what is in the image.
func licenses() []string { return []string{"LICENSE", "THIRD_PARTY_LICENSES"} }

// labels are those of the OCI.
func labels(c compiled) map[string]string {
	all := map[string]string{
		"org.opencontainers.image.title":         "rollbackd",
		"org.opencontainers.image.description":   "Watches deployments through Prometheus and takes bad ones back",
		"org.opencontainers.image.url":           "https://github.com/rollbackd/rollbackd",
		"org.opencontainers.image.source":        "https://github.com/rollbackd/rollbackd",
		"org.opencontainers.image.documentation": "https://github.com/rollbackd/rollbackd/tree/main/docs",
		"org.opencontainers.image.licenses":      "Apache-2.0",
		"org.opencontainers.image.version":       c.Version,
		"org.opencontainers.image.revision":      c.Commit,
	}
	if !c.Created.IsZero() {
		all["org.opencontainers.image.created"] = c.Created.UTC().Format(time.RFC3339)
	}
	return all
}

// assemble makes the image of one platform.
func assemble(c compiled, terms map[string][]byte, p v1.Platform) (v1.Image, error) {
	content, err := layer(c, terms)
	if err != nil {
		return nil, err
	}
	made, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{Layer: made, History: v1.History{
		Created: v1.Time{Time: c.Created}, CreatedBy: "make image", Comment: "rollbackd " + c.Version,
	}})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	config.Created = v1.Time{Time: c.Created}
	config.Config = v1.Config{
		User: runsAs, WorkingDir: workFolder, Entrypoint: []string{"/usr/bin/rollbackd"}, Cmd: []string{"run", "--config=/etc/rollbackd/config/rollbackd.yaml"},
		Env: []string{"PATH=/usr/bin", "SSL_CERT_FILE=" + authoritiesFile}, Labels: labels(c), StopSignal: "SIGTERM",
	}
	return mutate.ConfigFile(image, config)
}

// layer is the only layer: all that the image has.
func layer(c compiled, terms map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, folder := range []string{"etc", "etc/ssl", "etc/ssl/certs", "usr", "usr/bin", "usr/share", "usr/share/licenses", "usr/share/licenses/rollbackd", "var", "var/lib"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755}); err != nil {
			return nil, err
		}
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: workFolder[1:] + "/", Mode: 0o750, Uid: user, Gid: user}); err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"etc/passwd":        []byte("rollbackd:x:65532:65532:rollbackd:" + workFolder + ":/sbin/nologin\n"),
		"etc/group":         []byte("rollbackd:x:65532:\n"),
		authoritiesFile[1:]: authorities(),
	}
	for name, text := range terms {
		files["usr/share/licenses/rollbackd/"+name] = text
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := add(w, name, 0o644, files[name]); err != nil {
			return nil, err
		}
	}
	for _, name := range programs() {
		content, err := os.ReadFile(filepath.Join(c.Dir, name))
		if err != nil {
			return nil, err
		}
		if err := add(w, "usr/bin/"+name, 0o755, content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func add(w *tar.Writer, name string, mode int64, content []byte) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
