package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
)

// change is what a drill does to the pod template: a patch from a file, and shortcuts.
type change struct {
	file, image, container string
	env                    []string
}

func (c *change) register(flags *pflag.FlagSet) {
	flags.StringVar(&c.file, "template", "", "file with the bad pod template, or a part of it, which is merged into the live one; YAML or JSON")
	flags.StringVar(&c.image, "image", "", "bad image of a container")
	flags.StringArrayVar(&c.env, "set-env", nil, "environment variable NAME=VALUE that makes a container bad; may be given several times")
	flags.StringVar(&c.container, "container", "", "container that --image and --set-env are about")
}

// patch is the change as a strategic merge patch of the template.
func (c *change) patch() ([]byte, error) {
	template := map[string]any{}
	if c.file != "" {
		text, err := os.ReadFile(c.file)
		if err != nil {
			return nil, fmt.Errorf("unable to read the template: %w", err)
		}
		if err := yaml.Unmarshal(text, &template); err != nil {
			return nil, fmt.Errorf("--template %s is not the YAML of a pod template: %w", c.file, err)
		}
		for key := range template {
			if key != "metadata" && key != "spec" {
				return nil, fmt.Errorf("--template %s has the key %q: a pod template, or a part of it, has metadata and spec only", c.file, key)
			}
		}
	}
	if err := c.shortcuts(template); err != nil {
		return nil, err
	}
	if len(template) == 0 {
		return nil, errors.New("what is to be bad about it? give --template, --image or --set-env")
	}
	return json.Marshal(template)
}

// shortcuts adds what the flags say of one container.
func (c *change) shortcuts(template map[string]any) error {
	if c.image == "" && len(c.env) == 0 {
		return nil
	}
	if c.container == "" {
		return errors.New("which container is meant by --image and --set-env? give --container")
	}
	container := map[string]any{"name": c.container}
	if c.image != "" {
		container["image"] = c.image
	}
	var variables []any
	for _, text := range c.env {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return fmt.Errorf("--set-env %s is not NAME=VALUE", text)
		}
		variables = append(variables, map[string]any{"name": name, "value": value})
	}
	if len(variables) > 0 {
		container["env"] = variables
	}
	spec, _ := template["spec"].(map[string]any)
	if spec == nil {
		spec = map[string]any{}
	}
	if _, twice := spec["containers"]; twice {
		return errors.New("--template has containers already; say there what --image and --set-env say")
	}
	spec["containers"], template["spec"] = []any{container}, spec
	return nil
}
