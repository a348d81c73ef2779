package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
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
	var files []string
	for _, name := range programs() {
		files = append(files, filepath.Join(c.Dir, name))
	}
	return bill(image, c, files)
}

// writeBill writes the bill of materials of one program that was built.
func writeBill(program, version, to string) error {
	if to == "" {
		return errors.New("-bill: name the file to write as the argument")
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(program), ".exe")
	c, err := compiled{Version: version, Info: map[string]*buildinfo.BuildInfo{name: info, programs()[0]: info}}.stamped()
	if err != nil {
		return err
	}
	subject := cdx.Component{BOMRef: "release", Type: cdx.ComponentTypeApplication, Name: name, Version: c.Version, Properties: &[]cdx.Property{{Name: "revision", Value: c.Commit}}}
	content, err := bill(subject, c, []string{program})
	if err != nil {
		return err
	}
	return writeFile(to, content)
}

// bill is that of what consists of programs.
func bill(of cdx.Component, c compiled, files []string) ([]byte, error) {
	var components []cdx.Component
	uses := []cdx.Dependency{}
	var names []string
	for _, file := range files {
		sum, err := checksum(file)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(file), ".exe")
		components = append(components, cdx.Component{
			BOMRef: name, Type: cdx.ComponentTypeApplication, Name: name, Version: c.Version,
			Hashes:   &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}},
			Licenses: &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
		})
		names = append(names, name)
		var refs []string
		for _, m := range linked(c.Info[name]) {
			refs = append(refs, m.BOMRef)
			if !slices.ContainsFunc(components, func(have cdx.Component) bool { return have.BOMRef == m.BOMRef }) {
				components = append(components, m)
			}
		}
		uses = append(uses, cdx.Dependency{Ref: name, Dependencies: &refs})
	}
	uses = append(uses, cdx.Dependency{Ref: of.BOMRef, Dependencies: &names})
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &of}
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
