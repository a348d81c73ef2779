package config

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

func (k Kubernetes) checkVersionLabels(c *checker) {
	at := []any{"kubernetes", "versionLabels"}
	if len(k.VersionLabels) == 0 {
		c.say(at, "is empty; name a label that pods carry their version in, or leave the key out")
	}
	for i, label := range k.VersionLabels {
		if faults := validation.IsQualifiedName(label); len(faults) > 0 {
			c.say(append(at, i), "%q cannot be the key of a label: %s", label, strings.Join(faults, "; "))
		}
		if slices.Index(k.VersionLabels, label) < i {
			c.say(append(at, i), "%q is listed twice; leave one of them out", label)
		}
	}
}
