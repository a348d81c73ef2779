package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// materials is a bill of materials in CycloneDX' JSON: the programs, and the modules and the toolchain that the linker put into them, as
// they themselves tell.
func materials(c compiled, p v1.Platform) ([]byte, error) {
	image := cdx.Component{
		BOMRef: "image", Type: cdx.ComponentTypeContainer, Name: "rollbackd", Version: c.Version,
		Properties: &[]cdx.Property{{Name: "platform", Value: p.String()}, {Name: "revision", Value: c.Commit}},
	}
	var components []cdx.Component
	uses := []cdx.Dependency{}
	var names []string
	for _, name := range programs() {
		sum, err := checksum(filepath.Join(c.Dir, name))
		if err != nil {
			return nil, err
		}
		components = append(components, cdx.Component{
			BOMRef: name, Type: cdx.ComponentTypeApplication, Name: name, Version: c.Version,
			Hashes:   &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}},
			Licenses: &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
		})
		names = append(names, name)
		modules := linked(c.Info[name])
		var refs []string
		for _, m := range modules {
			refs = append(refs, m.BOMRef)
			if !slices.ContainsFunc(components, func(have cdx.Component) bool { return have.BOMRef == m.BOMRef }) {
				components = append(components, m)
			}
		}
		uses = append(uses, cdx.Dependency{Ref: name, Dependencies: &refs})
	}
	uses = append(uses, cdx.Dependency{Ref: image.BOMRef, Dependencies: &names})
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &image}
	if !c.Created.IsZero() {
		bom.Metadata.Timestamp = c.Created.UTC().Format("2006-01-02T15:04:05Z")
	}
	bom.Components, bom.Dependencies = &components, &uses
	var out bytes.Buffer
	err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	return out.Bytes(), err
}

// linked are the modules in a program, and Go's own library.
func linked(info *debug.BuildInfo) []cdx.Component {
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	out := []cdx.Component{module("std", "v"+goVersion, "")}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		out = append(out, module(m.Path, m.Version, m.Sum))
	}
	return out
}

func module(path, version, sum string) cdx.Component {
	url := "pkg:golang/" + path + "@" + version
	c := cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: url}
	if sum != "" {
		c.Properties = &[]cdx.Property{{Name: "go.sum", Value: sum}}
	}
	return c
}

func checksum(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}
