package diagnosis

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/rollbackd/rollbackd/internal/mask"
)

// Part is what of a pod template was changed.
type Part string

// The parts.
const (
	PartImage         Part = "image"
	PartEnvironment   Part = "environment"
	PartConfiguration Part = "configuration"
	PartResources     Part = "resources"
	PartProbe         Part = "probe"
	PartCommand       Part = "command"
	PartVolume        Part = "volume"
	PartContainer     Part = "container"
	PartPlacement     Part = "placement"
	PartOther         Part = "other"
)

const (
	// mostChanges is how many changes are kept, mostValue how long a value is, in runes.
	mostChanges = 60
	mostValue   = 200
)

// ChangesOf lists what a release changed in the pod template, with secrets hidden: where a hidden value is another than before, it says
// so. Labels and annotations that do not decide what runs are left to the diff.
func ChangesOf(before, after json.RawMessage, hide mask.Masker) []Change {
	var was, is map[string]any
	if json.Unmarshal(before, &was) != nil || json.Unmarshal(after, &is) != nil {
		return nil
	}
	was, is = hide.Templates(was, is)
	c := changes{}
	c.containers("container ", object(was, "spec")["containers"], object(is, "spec")["containers"])
	c.containers("init container ", object(was, "spec")["initContainers"], object(is, "spec")["initContainers"])
	c.named(PartVolume, "volume ", object(was, "spec")["volumes"], object(is, "spec")["volumes"])
	for _, field := range []string{"nodeSelector", "affinity", "tolerations", "topologySpreadConstraints", "priorityClassName", "schedulerName"} {
		c.add(PartPlacement, field, object(was, "spec")[field], object(is, "spec")[field])
	}
	for _, field := range []string{"serviceAccountName", "imagePullSecrets", "securityContext", "hostNetwork", "dnsPolicy", "dnsConfig"} {
		c.add(PartOther, field, object(was, "spec")[field], object(is, "spec")[field])
	}
	return slices.Clone(c.all[:min(len(c.all), mostChanges)])
}

type changes struct{ all []Change }

func (c *changes) add(part Part, where string, was, is any) {
	if reflect.DeepEqual(was, is) {
		return
	}
	c.all = append(c.all, Change{Part: part, Where: shorten(where, mostValue), Was: valueText(was), Is: valueText(is)})
}

func (c *changes) containers(kind string, was, is any) {
	before, after := byName(was), byName(is)
	for _, name := range union(before, after) {
		where := kind + name
		b, a := before[name], after[name]
		if b == nil || a == nil {
			c.add(PartContainer, where, b["image"], a["image"])
			continue
		}
		c.add(PartImage, where, b["image"], a["image"])
		c.add(PartCommand, where+", command", b["command"], a["command"])
		c.add(PartCommand, where+", arguments", b["args"], a["args"])
		c.environment(where, b["env"], a["env"])
		c.add(PartConfiguration, where+", envFrom", b["envFrom"], a["envFrom"])
		c.add(PartResources, where+", limits", object(b, "resources")["limits"], object(a, "resources")["limits"])
		c.add(PartResources, where+", requests", object(b, "resources")["requests"], object(a, "resources")["requests"])
		for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
			c.add(PartProbe, where+", "+probe, b[probe], a[probe])
		}
		c.add(PartVolume, where+", volumeMounts", b["volumeMounts"], a["volumeMounts"])
		c.add(PartOther, where+", ports", b["ports"], a["ports"])
		c.add(PartOther, where+", securityContext", b["securityContext"], a["securityContext"])
	}
}

// environment tells a variable's value from where it is taken from: the latter is a reference to a ConfigMap or Secret.
func (c *changes) environment(where string, was, is any) {
	before, after := byName(was), byName(is)
	for _, name := range union(before, after) {
		b, a := before[name], after[name]
		part := PartEnvironment
		if b["valueFrom"] != nil || a["valueFrom"] != nil {
			part = PartConfiguration
		}
		c.add(part, where+", variable "+name, source(b), source(a))
	}
}

// source is the value of a variable, or where it comes from.
func source(variable map[string]any) any {
	if variable == nil {
		return nil
	}
	if from, ok := variable["valueFrom"]; ok {
		return from
	}
	if value, ok := variable["value"].(string); ok && value != "" {
		return value
	}
	return `""`
}

func (c *changes) named(part Part, kind string, was, is any) {
	before, after := byName(was), byName(is)
	for _, name := range union(before, after) {
		c.add(part, kind+name, any(before[name]), any(after[name]))
	}
}

// byName returns the elements of a list by their names.
func byName(list any) map[string]map[string]any {
	elements, _ := list.([]any)
	out := make(map[string]map[string]any, len(elements))
	for _, e := range elements {
		if element, ok := e.(map[string]any); ok {
			name, _ := element["name"].(string)
			out[name] = element
		}
	}
	return out
}

func union(a, b map[string]map[string]any) []string {
	names := append(keysOf(a), keysOf(b)...)
	slices.Sort(names)
	return slices.Compact(names)
}

func object(parent map[string]any, field string) map[string]any {
	o, _ := parent[field].(map[string]any)
	return o
}

// valueText writes a value as one short text.
func valueText(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return shorten(plainText(value), mostValue)
	case map[string]any:
		if value == nil {
			return ""
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return shorten(plainText(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(text))), mostValue)
}
