package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// kustomized are the objects of a folder.
func kustomized(t *testing.T, folder string) []Object {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, kustomizeDir, folder))
	require.NoError(t, err)
	content, err := made.AsYaml()
	require.NoError(t, err)
	objects, err := decode(string(content))
	require.NoError(t, err)
	slices.SortFunc(objects, func(a, b Object) int { return strings.Compare(a.Key(), b.Key()) })
	return objects
}

// An overlay and the chart with the values of the same name install the same.
func TestOverlaysAreTheChartWithTheirValues(t *testing.T) {
	for _, name := range []string{"quickstart", "production"} {
		t.Run(name, func(t *testing.T) {
			fromChart, err := renderFile(root, "values-"+name+".yaml")
			require.NoError(t, err)
			fromOverlay := kustomized(t, "overlays/"+name)
			require.Equal(t, "Namespace", fromOverlay[slices.IndexFunc(fromOverlay, isNamespace)].Kind(), "Helm leaves it to --create-namespace")
			fromOverlay = slices.DeleteFunc(fromOverlay, isNamespace)
			want, have := plainObjects(t, slices.DeleteFunc(fromChart, Object.Hook)), plainObjects(t, fromOverlay)
			require.Equal(t, keys(want), keys(have))
			for key, text := range want {
				require.Equal(t, text, have[key], key)
			}
		})
	}
}

func TestBaseIsTheChartWithItsOwnValues(t *testing.T) {
	require.Equal(t,
		plainObjects(t, slices.DeleteFunc(rendered(t, nil), Object.Hook)),
		plainObjects(t, slices.DeleteFunc(kustomized(t, "base"), isNamespace)))
}

func isNamespace(o Object) bool { return o.Kind() == "Namespace" }

// plainObjects are objects as text without what differs for good: what Helm alone keeps. Configurations are compared by what they say, and lists that are sets by their members.
func plainObjects(t *testing.T, objects []Object) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, o := range objects {
		strip(o)
		if o.Kind() == "ConfigMap" {
			for name := range o.table("data") {
				var said any
				require.NoError(t, yaml.Unmarshal([]byte(text(o, "data", name)), &said))
				o.table("data")[name] = said
			}
		}
		if rules, ok := o["rules"].([]any); ok {
			o["rules"] = sorted(t, rules)
		}
		if spec := o.table("spec", "template", "spec"); o.Kind() == "Deployment" {
			volumes := spec["volumes"].([]any)
			spec["volumes"] = sorted(t, volumes)
			c := container(t, o)
			c["volumeMounts"] = sorted(t, c["volumeMounts"].([]any))
		}
		content, err := yaml.Marshal(o)
		require.NoError(t, err)
		out[o.Key()] = string(content)
	}
	return out
}

func sorted(t *testing.T, list []any) []any {
	t.Helper()
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b any) int {
		left, err := yaml.Marshal(a)
		require.NoError(t, err)
		right, err := yaml.Marshal(b)
		require.NoError(t, err)
		return strings.Compare(string(left), string(right))
	})
	return list
}

func keys(objects map[string]string) []string {
	var out []string
	for key := range objects {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

// Some versions of kubectl that are in use fail at a patch of several documents if these delete something.
func TestEachPatchIsOneDocument(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(root, kustomizeDir, "overlays", "*"))
	require.NoError(t, err)
	require.Len(t, folders, 2)
	for _, folder := range folders {
		content, err := os.ReadFile(filepath.Join(folder, "kustomization.yaml"))
		require.NoError(t, err)
		var said struct {
			Patches []struct{ Path, Patch string }
		}
		require.NoError(t, yaml.Unmarshal(content, &said))
		require.NotEmpty(t, said.Patches)
		for _, p := range said.Patches {
			patch := p.Patch
			if p.Path != "" {
				text, err := os.ReadFile(filepath.Join(folder, p.Path))
				require.NoError(t, err)
				patch = string(text)
			}
			require.NotRegexp(t, `(?m)^---`, patch, folder)
		}
	}
}
