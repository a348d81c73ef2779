package notifier

import (
	"net/url"
	"regexp"
	"strings"
)

// imageName matches a repository: an optional registry with an optional port, and a path of lower-case parts.
var imageName = regexp.MustCompile(`^[A-Za-z0-9.-]*(:[0-9]{1,5})?(/?[a-z0-9]+([._-]+[a-z0-9]+)*)+$`)

var (
	imageTag    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	imageDigest = regexp.MustCompile(`^[a-z0-9]+:[0-9a-f]{32,128}$`)
)

// The registry and the folder that an image without any is taken from.
const (
	hubRegistry = "docker.io"
	hubLibrary  = "library"
)

// imagePURL is a container image as a package URL of type oci. It is empty where the reference is none: no package URL is better than
// a wrong one.
func imagePURL(image string) string {
	rest, digest, pinned := strings.Cut(image, "@")
	repository, tag := splitTag(rest)
	if len(image) > 1024 || !imageName.MatchString(repository) || pinned && !imageDigest.MatchString(digest) || tag != "" && !imageTag.MatchString(tag) {
		return ""
	}
	repository = withRegistry(repository)
	out := "pkg:oci/" + repository[strings.LastIndex(repository, "/")+1:]
	if pinned {
		out += "@" + url.QueryEscape(digest)
	}
	out += "?repository_url=" + repository
	if tag != "" {
		out += "&tag=" + tag
	}
	return out
}

// splitTag splits at the colon of a tag, which is not that of a registry's port.
func splitTag(reference string) (repository, tag string) {
	i := strings.LastIndex(reference, ":")
	if i < 0 || strings.Contains(reference[i:], "/") {
		return reference, ""
	}
	return reference[:i], reference[i+1:]
}

// withRegistry names the registry that a short name stands for.
func withRegistry(repository string) string {
	first, _, several := strings.Cut(repository, "/")
	switch {
	case !several:
		return hubRegistry + "/" + hubLibrary + "/" + repository
	case strings.ContainsAny(first, ".:") || first == "localhost":
		return repository
	}
	return hubRegistry + "/" + repository
}

// genericPURL is a package URL for what is known by a name and a version only.
func genericPURL(namespace, name, version string) string {
	out := "pkg:generic/" + url.PathEscape(namespace) + "/" + url.PathEscape(name)
	if version != "" {
		out += "@" + strings.ReplaceAll(url.QueryEscape(version), "+", "%20")
	}
	return out
}
