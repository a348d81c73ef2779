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

// kustomizeFiles are the base, which is the chart with its own values, and the permissions in one watched namespace.
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
	watched, err := watchedFiles(root)
	for name, content := range watched {
		files[name] = content
	}
	return files, err
}

// watchedFiles are the Role and the RoleBinding of a watched namespace, without the namespace: an overlay gives it one.
func watchedFiles(root string) (map[string][]byte, error) {
	c, err := loadChart(root)
	if err != nil {
		return nil, err
	}
	objects, err := render(c, map[string]any{"watch": map[string]any{"namespaces": []any{"watched"}}})
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	var resources []string
	for _, o := range objects {
		if o.Namespace() != "watched" {
			continue
		}
		delete(o.table("metadata"), "namespace")
		name := fileName(o)
		if files[kustomizeDir+"/watched/"+name], err = document(strip(o)); err != nil {
			return nil, err
		}
		resources = append(resources, name)
	}
	files[kustomizeDir+"/watched/kustomization.yaml"] = kustomization(resources)
	return files, nil
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
