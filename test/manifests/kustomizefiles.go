package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// kustomizeDir is the folder of the kustomizations.
const kustomizeDir = "deploy/kustomize"

// kustomizeFiles are the base, which is the chart with its own values, and the parts that overlays add to it.
func kustomizeFiles(root string) (map[string][]byte, error) {
	c, err := loadChart(root)
	if err != nil {
		return nil, err
	}
	base, err := render(c, nil)
	if err != nil {
		return nil, err
	}
	base = slices.DeleteFunc(base, Object.Hook)
	files := map[string][]byte{}
	var resources []string
	for _, o := range base {
		name := fileName(o)
		if _, twice := files[kustomizeDir+"/base/"+name]; twice {
			return nil, fmt.Errorf("two objects of the base would be in %s", name)
		}
		if files[kustomizeDir+"/base/"+name], err = document(strip(o)); err != nil {
			return nil, err
		}
		resources = append(resources, name)
	}
	files[kustomizeDir+"/base/kustomization.yaml"] = kustomization(append([]string{"namespace.yaml"}, resources...))
	if files[kustomizeDir+"/base/namespace.yaml"], err = document(restrictedNamespace()); err != nil {
		return nil, err
	}
	for _, part := range parts() {
		if err := part.write(root, files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// part is a folder with what the chart renders beside the base if some values are set, which an overlay takes or leaves.
type part struct {
	folder string
	values map[string]any
	has    func(Object) bool
	// everywhere leaves the namespace to the overlay.
	everywhere bool
}

func parts() []part {
	enabled := map[string]any{"enabled": true}
	return []part{
		{
			folder: "watched", values: map[string]any{"watch": map[string]any{"namespaces": []any{"watched"}}},
			has: func(o Object) bool { return o.Namespace() == "watched" }, everywhere: true,
		},
		{
			folder: "watched-read-only", values: map[string]any{"watch": map[string]any{"namespaces": []any{"watched"}}, "rbac": map[string]any{"readOnly": true}},
			has: func(o Object) bool { return o.Namespace() == "watched" }, everywhere: true,
		},
		{
			folder: "monitoring", values: map[string]any{"prometheusRule": enabled, "dashboard": enabled},
			has: func(o Object) bool { return o.Kind() == "PrometheusRule" || o.Name() == releaseName+"-dashboard" },
		},
	}
}

func (p part) write(root string, files map[string][]byte) error {
	c, err := loadChart(root)
	if err != nil {
		return err
	}
	objects, err := render(c, p.values)
	if err != nil {
		return err
	}
	var resources []string
	for _, o := range objects {
		if !p.has(o) {
			continue
		}
		if p.everywhere {
			delete(o.table("metadata"), "namespace")
		}
		name := fileName(o)
		if files[kustomizeDir+"/"+p.folder+"/"+name], err = document(strip(o)); err != nil {
			return err
		}
		resources = append(resources, name)
	}
	files[kustomizeDir+"/"+p.folder+"/kustomization.yaml"] = kustomization(resources)
	return nil
}

// restrictedNamespace is what Helm leaves to --create-namespace.
func restrictedNamespace() Object {
	return Object{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{
		"name": releaseNamespace, "labels": map[string]any{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
}

// strip takes away what is about Helm, and what only Helm keeps true.
func strip(o Object) Object {
	delete(o.table("metadata", "labels"), "helm.sh/chart")
	delete(o.table("metadata", "labels"), "app.kubernetes.io/managed-by")
	drop(o.table("metadata"), "annotations", "helm.sh/resource-policy")
	drop(o.table("spec", "template", "metadata"), "annotations", "checksum/config")
	return o
}

// drop removes a key of a map inside a map, and the map with it if it was the last one.
func drop(outer map[string]any, name, key string) {
	inner, _ := outer[name].(map[string]any)
	delete(inner, key)
	if len(inner) == 0 {
		delete(outer, name)
	}
}

func fileName(o Object) string {
	name := strings.ToLower(o.Kind())
	if o.Name() != releaseName {
		name += "-" + strings.TrimPrefix(o.Name(), releaseName+"-")
	}
	return name + ".yaml"
}

const generated = "# Made from the chart by make manifests; change it there.\n"

func document(o Object) ([]byte, error) {
	content, err := yaml.Marshal(o)
	return append([]byte(generated), content...), err
}

func kustomization(resources []string) []byte {
	var out bytes.Buffer
	out.WriteString(generated + "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n")
	for _, r := range resources {
		fmt.Fprintf(&out, "- %s\n", r)
	}
	return out.Bytes()
}
