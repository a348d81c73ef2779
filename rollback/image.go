package rollback

import (
	"encoding/json"
	"slices"
	"strings"
)

// image is a parsed image reference.
type image struct {
	// Repository includes the registry, port and all, as it was written.
	Repository string
	Tag        string
	// Digest includes its algorithm: sha256:….
	Digest string
}

// parseImage splits repository[:tag][@digest]. A colon before the last slash belongs to a registry's port.
func parseImage(reference string) image {
	name, digest, _ := strings.Cut(reference, "@")
	slash := strings.LastIndex(name, "/")
	colon := strings.LastIndex(name, ":")
	if colon <= slash {
		return image{Repository: name, Digest: digest}
	}
	return image{Repository: name[:colon], Tag: name[colon+1:], Digest: digest}
}

// is reports whether version names this image: by its tag, by its digest, or by a full reference that says nothing
// else. All comparisons are exact; v1.2.3 is not 1.2.3.
func (i image) is(version string) bool {
	if version == "" {
		return false
	}
	if version == i.Tag || version == i.Digest {
		return true
	}
	wanted := parseImage(version)
	if wanted.Repository != i.Repository || wanted.Tag == "" && wanted.Digest == "" {
		return false
	}
	return (wanted.Tag == "" || wanted.Tag == i.Tag) && (wanted.Digest == "" || wanted.Digest == i.Digest)
}

// podTemplate is the little of a pod template that naming its version needs.
type podTemplate struct {
	Metadata struct {
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec struct {
		Containers []struct {
			Image string `json:"image"`
		} `json:"containers"`
	} `json:"spec"`
}

// parseTemplate reads what it can; a template that is not JSON has no version.
func parseTemplate(raw json.RawMessage) podTemplate {
	var t podTemplate
	if err := json.Unmarshal(raw, &t); err != nil {
		return podTemplate{}
	}
	return t
}

// versionLabels are the pod labels that may carry a version, the recommended one first.
func versionLabels() []string { return []string{"app.kubernetes.io/version", "version"} }

func (t podTemplate) images() []string {
	images := make([]string, 0, len(t.Spec.Containers))
	for _, c := range t.Spec.Containers {
		images = append(images, c.Image)
	}
	return images
}

// is reports whether version names this template by a label or by one of its images.
func (t podTemplate) is(version string) bool {
	for _, label := range versionLabels() {
		if version != "" && t.Metadata.Labels[label] == version {
			return true
		}
	}
	return t.isByImage(version)
}

func (t podTemplate) isByImage(version string) bool {
	return slices.ContainsFunc(t.images(), func(reference string) bool { return parseImage(reference).is(version) })
}

// version is the best name this template has for people: a label, else the first container's tag or digest.
func (t podTemplate) version() string {
	for _, label := range versionLabels() {
		if v := t.Metadata.Labels[label]; v != "" {
			return v
		}
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
