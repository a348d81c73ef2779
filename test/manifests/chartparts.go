package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollbackd/rollbackd/internal/access"
	"github.com/rollbackd/rollbackd/internal/config"
)

// monitoringFiles are the alerts and the dashboard: copies inside the chart, because Helm reads nothing outside of it.
func monitoringFiles(root string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range []string{"alerts.yaml", "dashboard.json"} {
		content, err := os.ReadFile(filepath.Join(root, "deploy", "monitoring", name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the chart says so when it is asked for them
		}
		if err != nil {
			return nil, err
		}
		files[chartDir+"/files/"+name] = content
	}
	return files, nil
}

// permissionsFile is the daemon's own table of permissions, from which the chart makes its Roles.
func permissionsFile(string) (map[string][]byte, error) {
	var out bytes.Buffer
	out.WriteString("# The permissions of the daemon, by feature and by where they are needed. Made from the code by make manifests.\npermissions:\n")
	for _, r := range access.Table() {
		named := ""
		if r.Named {
			named = ", named: true"
		}
		fmt.Fprintf(&out, "- {feature: %s, scope: %s, group: %q, resource: %q, verbs: [%s]%s}\n",
			r.Feature, r.Scope, r.Group, r.Resource, strings.Join(r.Verbs, ", "), named)
	}
	return map[string][]byte{chartDir + "/files/permissions.yaml": out.Bytes()}, nil
}

// restartFile has the keys of the configuration whose changes take effect with a restart, for which the chart replaces pods, and those
// within them that do not.
func restartFile(string) (map[string][]byte, error) {
	content := "# What of the configuration takes effect with a restart, and what of that does not. Made from the code by make manifests.\n" +
		"keys: [" + strings.Join(config.RestartKeys(), ", ") + "]\nbut: [" + strings.Join(config.TakenUpKeys(), ", ") + "]\n"
	return map[string][]byte{chartDir + "/files/restart.yaml": []byte(content)}, nil
}

// schemaFile is the schema of the chart's values: the one beside this file, with that of the daemon's configuration as the schema of
// config, so that helm install finds a mistake in the configuration before anything is started.
func schemaFile(root string) (map[string][]byte, error) {
	var values, config map[string]any
	for path, into := range map[string]*map[string]any{
		"test/manifests/values.schema.json": &values,
		"docs/config.schema.json":           &config,
	} {
		data, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, into); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	delete(config, "$schema")
	delete(config, "$id")
	properties, ok := values["properties"].(map[string]any)
	if !ok {
		return nil, errors.New("the schema of the values has no properties")
	}
	properties["config"] = config
	content, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		return nil, err
	}
	return map[string][]byte{chartDir + "/values.schema.json": append(content, '\n')}, nil
}
