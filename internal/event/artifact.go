package event

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// artifactVersion returns the version that an artifact's identifier names: the tag of a package URL if it has one, else its
// version, which for images is their digest. Identifiers from before CDEvents asked for package URLs are read too: a bare
// digest, the reference of an image, or the version itself.
func artifactVersion(artifact string) (version string, ok bool) {
	if len(artifact) >= len("pkg:") && strings.EqualFold(artifact[:len("pkg:")], "pkg:") {
		return packageVersion(artifact[len("pkg:"):])
	}
	if regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(artifact) {
		return "sha256:" + artifact, true
	}
	name := artifact[strings.LastIndex(artifact, "/")+1:]
	if _, digest, found := strings.Cut(name, "@"); found {
		return digest, digest != ""
	}
	if _, tag, found := strings.Cut(name, ":"); found && !strings.HasPrefix(name, "sha256:") {
		return tag, tag != ""
	}
	return name, name != "" && name == artifact
}

// packageVersion reads what follows "pkg:", in the order in which the package URL specification has it taken apart: from the
// right.
func packageVersion(rest string) (version string, ok bool) {
	if i := strings.LastIndexByte(rest, '#'); i >= 0 {
		rest = rest[:i]
	}
	qualifiers := ""
	if i := strings.LastIndexByte(rest, '?'); i >= 0 {
		rest, qualifiers = rest[:i], rest[i+1:]
	}
	for pair := range strings.SplitSeq(qualifiers, "&") {
		if key, value, _ := strings.Cut(pair, "="); strings.EqualFold(key, "tag") && value != "" {
			return unescaped(value)
		}
	}
	i := strings.LastIndexByte(rest, '@')
	if i < 0 || strings.Contains(rest[i:], "/") {
		return "", false
	}
	return unescaped(rest[i+1:])
}

func unescaped(text string) (string, bool) {
	value, err := url.PathUnescape(text)
	return value, err == nil && value != "" && utf8.ValidString(value)
}
