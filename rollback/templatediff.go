package rollback

import (
	"encoding/json"
	"fmt"

	"github.com/aymanbagabas/go-udiff"

	"github.com/rollbackd/rollbackd/internal/mask"
)

// TemplateDiff shows as a unified diff of YAML in what the pod template of a revision is another than the one before; empty if it
// is not. What can act on a terminal is escaped, and secrets are hidden.
func TemplateDiff(hide mask.Masker, before, after Revision) (string, error) {
	was, is := hideSecrets(hide, inSpec("template", before.Template), inSpec("template", after.Template))
	from, err := asYAML(was)
	if err != nil {
		return "", fmt.Errorf("unable to show the pod template of %s: %w", before.name(), err)
	}
	to, err := asYAML(is)
	if err != nil {
		return "", fmt.Errorf("unable to show the pod template of %s: %w", after.name(), err)
	}
	return escapeLines(udiff.Unified(before.name(), after.name(), from, to)), nil
}

// hideSecrets hides what looks like a secret in two states of an object's part. Where one cannot be read, both stay as they are, for
// whoever shows them to refuse.
func hideSecrets(hide mask.Masker, before, after any) (any, any) {
	was, okBefore := partOf(before)
	is, okAfter := partOf(after)
	if !okBefore || !okAfter {
		return before, after
	}
	return hide.Templates(was, is)
}

func partOf(value any) (map[string]any, bool) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, false
	}
	return decode(raw)
}
