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

// parseTemplate reads what it can of a template, which is empty if it is not JSON.
func parseTemplate(raw json.RawMessage) podTemplate {
	var t podTemplate
	if err := json.Unmarshal(raw, &t); err != nil {
		return podTemplate{}
	}
	return t
}

func (t podTemplate) images() []string {
	images := make([]string, 0, len(t.Spec.Containers))
	for _, c := range t.Spec.Containers {
		images = append(images, c.Image)
	}
	return images
}

func (t podTemplate) isByImage(version string) bool {
	return slices.ContainsFunc(t.images(), func(reference string) bool { return parseImage(reference).is(version) })
}
