package rollback

import (
	"encoding/json"
	"slices"
)

// VersionLabels are the labels of a pod template that may carry its version, the one that names it best first. None means
// DefaultVersionLabels.
type VersionLabels []string

// DefaultVersionLabels are the label that Kubernetes recommends for a version, and the short one that service meshes go by.
func DefaultVersionLabels() VersionLabels {
	return VersionLabels{"app.kubernetes.io/version", "version"}
}

// values are what a template's labels say of its version, the best name first.
func (l VersionLabels) values(t podTemplate) []string {
	if len(l) == 0 {
		l = DefaultVersionLabels()
	}
	var values []string
	for _, label := range l {
		if v := t.Metadata.Labels[label]; v != "" {
			values = append(values, v)
		}
	}
	return values
}

// match reports whether version names a template by a label or by one of its images.
func (l VersionLabels) match(raw json.RawMessage, version string) bool {
	t := parseTemplate(raw)
	return version != "" && slices.Contains(l.values(t), version) || t.isByImage(version)
}

// version is the best name that a template has for people: a label, else the first container's tag or digest. It is empty if there is none.
func (l VersionLabels) version(t podTemplate) string {
	if values := l.values(t); len(values) > 0 {
		return values[0]
	}
	for _, reference := range t.images() {
		i := parseImage(reference)
		if i.Tag != "" {
			return i.Tag
		}
		if i.Digest != "" {
			return i.Digest
		}
	}
	return ""
}
