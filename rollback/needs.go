package rollback

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// The kinds of objects that a pod cannot start without when its template names them.
const (
	kindConfigMap = "ConfigMap"
	kindSecret    = "Secret"
)

// need is a ConfigMap or Secret that a pod template names and that is not optional, with the keys that it must have.
type need struct {
	kind, name string
	keys       []string
}

// needs lists what the containers of a template cannot start without, by kind and name: of environment variables, of
// volumes and of projected volumes. A template that cannot be read needs nothing.
func needs(raw json.RawMessage) []need {
	var t struct{ Spec neededBy }
	if err := json.Unmarshal(raw, &t); err != nil {
		return nil
	}
	found := map[[2]string]map[string]bool{}
	for _, r := range t.Spec.references() {
		if r.Optional || r.name() == "" {
			continue
		}
		id := [2]string{r.kind, r.name()}
		if found[id] == nil {
			found[id] = map[string]bool{}
		}
		for _, key := range r.keys() {
			found[id][key] = true
		}
	}
	list := make([]need, 0, len(found))
	for id, keys := range found {
		list = append(list, need{kind: id[0], name: id[1], keys: slices.Sorted(maps.Keys(keys))})
	}
	slices.SortFunc(list, func(a, b need) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name)) })
	return list
}

// reference is any of the ways in which a template names a ConfigMap or a Secret.
type reference struct {
	kind       string
	Name       string `json:"name"`
	SecretName string `json:"secretName"` // of a volume
	Key        string `json:"key"`
	Optional   bool   `json:"optional"`
	Items      []struct {
		Key string `json:"key"`
	} `json:"items"`
}

func (r reference) name() string { return cmp.Or(r.Name, r.SecretName) }

func (r reference) keys() []string {
	var keys []string
	if r.Key != "" {
		keys = append(keys, r.Key)
	}
	for _, item := range r.Items {
		keys = append(keys, item.Key)
	}
	return keys
}

// neededBy is what is read of a pod's specification.
type neededBy struct {
	Containers, InitContainers []struct {
		EnvFrom []struct {
			ConfigMapRef, SecretRef *reference
		}
		Env []struct {
			ValueFrom struct {
				ConfigMapKeyRef, SecretKeyRef *reference
			}
		}
	}
	Volumes []struct {
		ConfigMap, Secret *reference
		Projected         struct {
			Sources []struct{ ConfigMap, Secret *reference }
		}
	}
}

func (n neededBy) references() []reference {
	var all []reference
	add := func(configMap, secret *reference) {
		for kind, r := range map[string]*reference{kindConfigMap: configMap, kindSecret: secret} {
			if r != nil {
				named := *r
				named.kind = kind
				all = append(all, named)
			}
		}
	}
	for _, c := range slices.Concat(n.InitContainers, n.Containers) {
		for _, from := range c.EnvFrom {
			add(from.ConfigMapRef, from.SecretRef)
		}
		for _, env := range c.Env {
			add(env.ValueFrom.ConfigMapKeyRef, env.ValueFrom.SecretKeyRef)
		}
	}
	for _, v := range n.Volumes {
		add(v.ConfigMap, v.Secret)
		for _, source := range v.Projected.Sources {
			add(source.ConfigMap, source.Secret)
		}
	}
	return all
}

// lacking says what of a need is not there; empty if it is met. Has are the object's keys; exists is false if there is
// no such object.
func (n need) lacking(has map[string]bool, exists bool) string {
	if !exists {
		return n.kind + " " + n.name
	}
	var missing []string
	for _, key := range n.keys {
		if !has[key] {
			missing = append(missing, key)
		}
	}
	switch len(missing) {
	case 0:
		return ""
	case 1:
		return "key " + missing[0] + " of " + n.kind + " " + n.name
	}
	return "keys " + strings.Join(missing, ", ") + " of " + n.kind + " " + n.name
}
