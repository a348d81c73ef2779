package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
)

// A release's image has the programs that goreleaser has built, byte for byte, and is pushed as it was written; each program has its bill of materials.
func TestImageOfARelease(t *testing.T) {
	checkout := t.TempDir()
	p := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	built, err := compile(t.Context(), root, filepath.Join(checkout, "dist", "built"), "v1.2.3", p)
	require.NoError(t, err)
	for _, name := range licenses() {
		require.NoError(t, os.WriteFile(filepath.Join(checkout, name), []byte("terms"), 0o600))
	}
	list := []map[string]any{
		{"path": "dist/other", "goos": "darwin", "goarch": runtime.GOARCH, "type": "Binary", "extra": map[string]any{"Binary": "rollbackd"}},
		{"path": "dist/rollbackd.tar.gz", "goos": "linux", "goarch": runtime.GOARCH, "type": "Archive", "extra": map[string]any{"Binaries": []string{"rollbackd"}}},
	}
	for _, program := range programs() {
		list = append(list, map[string]any{
			"path": "dist/built/" + program, "goos": "linux", "goarch": runtime.GOARCH, "goamd64": "v1", "type": "Binary", "extra": map[string]any{"Binary": program, "ID": program},
		})
	}
	text, err := json.Marshal(list)
	require.NoError(t, err)
	artifacts := filepath.Join(checkout, "dist", "artifacts.json")
	require.NoError(t, os.WriteFile(artifacts, text, 0o600))

	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	to := strings.TrimPrefix(server.URL, "http://") + "/rollbackd/rollbackd:v1.2.3"
	out := t.TempDir()
	args := []string{"-root", checkout, "-out", out, "-version", "v1.2.3", "-platforms", p.String(), "-artifacts", artifacts, "-push", to}
	require.NoError(t, run(t.Context(), args))

	digest, err := os.ReadFile(filepath.Join(out, "digest"))
	require.NoError(t, err)
	tag, err := name.NewTag(to)
	require.NoError(t, err)
	pushed, err := remote.Index(tag)
	require.NoError(t, err)
	require.NoError(t, validate.Index(pushed))
	got, err := pushed.Digest()
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(digest)), got.String())
	manifest, err := pushed.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 1)
	image, err := pushed.Image(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	files := filesOf(t, image)
	for _, program := range programs() {
		content, err := os.ReadFile(filepath.Join(built.Dir, program))
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, files["/usr/bin/"+program].content), program)
	}
	requireMaterials(t, filepath.Join(out, "sbom-linux-"+runtime.GOARCH+".cdx.json"))

	args[7] = "linux/riscv64"
	require.ErrorContains(t, run(t.Context(), args), "artifacts.json has no program rollbackd for linux/riscv64")
	args[7], args[len(args)-1] = p.String(), "Not A Name"
	require.ErrorContains(t, run(t.Context(), args), "-push: ")

	to = filepath.Join(t.TempDir(), "bill.json")
	require.ErrorContains(t, run(t.Context(), []string{"-bill", "x"}), "name the file to write")
	require.NoError(t, run(t.Context(), []string{"-version", "v1.2.3", "-bill", filepath.Join(built.Dir, "rollbackctl"), to}))
	content, err := os.ReadFile(to)
	require.NoError(t, err)
	var bill cdx.BOM
	require.NoError(t, json.Unmarshal(content, &bill))
	require.Equal(t, []string{"rollbackctl", "v1.2.3"}, []string{bill.Metadata.Component.Name, bill.Metadata.Component.Version})
	names := map[string]bool{}
	for _, c := range *bill.Components {
		names[c.Name] = true
	}
	require.True(t, names["rollbackctl"] && names["std"] && names["github.com/nats-io/nats.go"] && !names["rollbackd"])
}
