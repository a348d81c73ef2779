package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// The release that manifests are rendered as.
const (
	releaseName      = "rollbackd"
	releaseNamespace = "rollbackd"
)

// chartDir is the chart's folder below the root of the repository.
const chartDir = "deploy/chart/rollbackd"

// Object is one rendered object.
type Object map[string]any

// Kind is what the object says that it is.
func (o Object) Kind() string { kind, _ := o["kind"].(string); return kind }

// Name is the object's name.
func (o Object) Name() string { return text(o, "metadata", "name") }

// Namespace is the object's namespace; empty for one of the cluster.
func (o Object) Namespace() string { return text(o, "metadata", "namespace") }

// Key tells objects of a rendering apart.
func (o Object) Key() string { return o.Kind() + " " + o.Namespace() + "/" + o.Name() }

// Hook reports whether Helm makes the object at certain moments only, such as for helm test.
func (o Object) Hook() bool { return text(o, "metadata", "annotations", "helm.sh/hook") != "" }

// table returns the map at a path; nil if there is none.
func (o Object) table(path ...string) map[string]any {
	here := map[string]any(o)
	for _, name := range path {
		here, _ = here[name].(map[string]any)
	}
	return here
}

func text(o Object, path ...string) string {
	value, _ := o.table(path[:len(path)-1]...)[path[len(path)-1]].(string)
	return value
}

// loadChart reads the chart.
func loadChart(root string) (*chart.Chart, error) {
	loaded, err := loader.Load(filepath.Join(root, chartDir))
	if err != nil {
		return nil, fmt.Errorf("read the chart: %w", err)
	}
	return loaded, nil
}

// readValues reads a file of values of the chart's folder; an empty name stands for no values.
func readValues(root, name string) (map[string]any, error) {
	values := map[string]any{}
	if name == "" {
		return values, nil
	}
	data, err := os.ReadFile(filepath.Join(root, chartDir, name))
	if err != nil {
		return nil, err
	}
	return values, yaml.UnmarshalStrict(data, &values)
}

// render renders the chart with values, which its schema must allow, and returns the objects in the order of their keys.
func render(c *chart.Chart, values map[string]any) ([]Object, error) {
	return renderIn(releaseNamespace, c, values)
}

// renderIn does so for a release in another namespace.
func renderIn(namespace string, c *chart.Chart, values map[string]any) ([]Object, error) {
	options := common.ReleaseOptions{Name: releaseName, Namespace: namespace, IsInstall: true, Revision: 1}
	all, err := util.ToRenderValues(c, values, options, nil)
	if err != nil {
		return nil, err
	}
	files, err := engine.Engine{Strict: true}.RenderWithContext(context.Background(), c, all) // it asks no server
	if err != nil {
		return nil, err
	}
	var objects []Object
	for name, content := range files {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		found, err := decode(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", name, err, content)
		}
		objects = append(objects, found...)
	}
	slices.SortFunc(objects, func(a, b Object) int { return strings.Compare(a.Key(), b.Key()) })
	return objects, nil
}

// renderFile renders the chart with a file of values.
func renderFile(root, name string) ([]Object, error) {
	c, err := loadChart(root)
	if err != nil {
		return nil, err
	}
	values, err := readValues(root, name)
	if err != nil {
		return nil, err
	}
	return render(c, values)
}

// decode reads the objects of a stream of YAML documents, with the types that JSON has.
func decode(content string) ([]Object, error) {
	reader := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(content), 4096)
	var objects []Object
	for {
		var o Object
		err := reader.Decode(&o)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(o) > 0 {
			objects = append(objects, o)
		}
	}
}
