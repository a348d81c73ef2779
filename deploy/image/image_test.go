package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// The image is built as make image builds it, for both platforms, and looked into. A short run builds it for this machine alone, since
// each platform is minutes of compiling.
func TestImage(t *testing.T) {
	out, want := t.TempDir(), []string{"linux/amd64", "linux/arm64"}
	if testing.Short() {
		want = []string{"linux/" + runtime.GOARCH}
	}
	require.NoError(t, run(t.Context(), []string{"-root", root, "-out", out, "-version", "v0.0.0-test", "-platforms", strings.Join(want, ",")}))
	index := indexOf(t, filepath.Join(out, "layout"))
	require.NoError(t, validate.Index(index))
	digest, err := index.Digest()
	require.NoError(t, err)
	said, err := os.ReadFile(filepath.Join(out, "digest"))
	require.NoError(t, err)
	require.Equal(t, digest.String()+"\n", string(said))

	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
		image, err := index.Image(m.Digest)
		require.NoError(t, err)
		requireConfig(t, image, *m.Platform)
		files := filesOf(t, image)
		requireFiles(t, files)
		if m.Platform.Architecture == runtime.GOARCH && m.Platform.OS == runtime.GOOS {
			requireRuns(t, files)
		}
		requireMaterials(t, filepath.Join(out, "sbom-"+m.Platform.OS+"-"+m.Platform.Architecture+".cdx.json"))
	}
	require.Equal(t, want, platforms)
	requirePacked(t, filepath.Join(out, "rollbackd.oci.tar"))
}

// indexOf is the index of images in an OCI layout.
func indexOf(t *testing.T, folder string) v1.ImageIndex {
	t.Helper()
	path, err := layout.FromPath(folder)
	require.NoError(t, err)
	outer, err := path.ImageIndex()
	require.NoError(t, err)
	manifest, err := outer.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 1)
	inner, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	return inner
}

func requireConfig(t *testing.T, image v1.Image, p v1.Platform) {
	t.Helper()
	config, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, p.OS+"/"+p.Architecture, config.OS+"/"+config.Architecture)
	require.Equal(t, "65532:65532", config.Config.User)
	require.Equal(t, []string{"/usr/bin/rollbackd"}, config.Config.Entrypoint)
	require.Equal(t, "/var/lib/rollbackd", config.Config.WorkingDir)
	for _, label := range []string{"title", "description", "source", "licenses", "version", "revision", "created"} {
		require.NotEmpty(t, config.Config.Labels["org.opencontainers.image."+label], label)
	}
	require.Equal(t, "v0.0.0-test", config.Config.Labels["org.opencontainers.image.version"])
}

type file struct {
	header  tar.Header
	content []byte
}

func filesOf(t *testing.T, image v1.Image) map[string]file {
	t.Helper()
	layers, err := image.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 1)
	content, err := layers[0].Uncompressed()
	require.NoError(t, err)
	defer content.Close()
	files := map[string]file{}
	for reader := tar.NewReader(content); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		data, err := io.ReadAll(reader)
		require.NoError(t, err)
		files["/"+header.Name] = file{*header, data}
	}
}

// requireFiles allows nothing else in the image, and nothing that whoever breaks in could change.
func requireFiles(t *testing.T, files map[string]file) {
	t.Helper()
	var regular []string
	for name, f := range files {
		if f.header.Typeflag == tar.TypeReg {
			regular = append(regular, name)
		}
		require.Contains(t, []byte{tar.TypeReg, tar.TypeDir}, f.header.Typeflag, name)
		require.Zero(t, f.header.Mode&0o7022, "%s may be written by others, or is set-uid", name)
		if name != workFolder+"/" {
			require.Zero(t, f.header.Uid, name)
		}
	}
	slices.Sort(regular)
	require.Equal(t, []string{
		"/etc/group", "/etc/passwd", "/etc/ssl/certs/ca-certificates.crt", "/usr/bin/rollbackctl", "/usr/bin/rollbackd",
		"/usr/share/licenses/rollbackd/LICENSE", "/usr/share/licenses/rollbackd/THIRD_PARTY_LICENSES",
	}, regular)
	require.Equal(t, user, files[workFolder+"/"].header.Uid)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(files[authoritiesFile].content))
	require.Greater(t, bytes.Count(files[authoritiesFile].content, []byte("BEGIN CERTIFICATE")), 100)
}

// requireRuns runs the programs as they are in the image.
func requireRuns(t *testing.T, files map[string]file) {
	t.Helper()
	for _, name := range programs() {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, files["/usr/bin/"+name].content, 0o755))
		cmd := exec.CommandContext(t.Context(), path, "--version")
		cmd.Env = []string{}
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, string(output))
		require.Contains(t, string(output), "v0.0.0-test (commit ")
	}
}

func requireMaterials(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var bill cdx.BOM
	require.NoError(t, json.Unmarshal(content, &bill))
	require.Equal(t, "CycloneDX", bill.BOMFormat)
	var names, refs []string
	for _, c := range *bill.Components {
		names = append(names, c.Name)
		refs = append(refs, c.BOMRef)
	}
	for _, name := range []string{"rollbackd", "rollbackctl", "std", "github.com/nats-io/nats.go", "k8s.io/client-go"} {
		require.Contains(t, names, name)
	}
	require.NotContains(t, names, "github.com/stretchr/testify", "what only tests use is not in the image")
	slices.Sort(refs)
	require.Len(t, slices.Compact(refs), len(*bill.Components), "each component is there once")
}

func requirePacked(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	found := false
	for reader := tar.NewReader(file); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		found = found || header.Name == "oci-layout"
	}
	require.True(t, found, "the tarball is of an OCI layout")
}

// A build needs the version's package where the linker looks for it.
func TestVersionCanBeToldToTheLinker(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(root, "internal", "version", "version.go"))
	require.NoError(t, err)
	require.Regexp(t, regexp.MustCompile(`(?m)^var number, commit, date string$`), string(source))
	release, err := os.ReadFile(filepath.Join(root, ".goreleaser.yaml"))
	require.NoError(t, err)
	for _, name := range []string{"number", "commit", "date"} {
		require.Contains(t, string(release), "-X "+versionPackage+"."+name+"=")
	}
}
