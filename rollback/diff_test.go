package rollback

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/rollbackd/rollbackd/internal/mask"
)

func TestDiffShowsWhatChanges(t *testing.T) {
	pin, s := pinned()
	undo, refusal := MakePlan(pin, s, false)
	if refusal != nil {
		t.Fatal(refusal)
	}
	back, refusal := MakePlan(pinBlueGreen(), blueGreen(), false)
	if refusal != nil {
		t.Fatal(refusal)
	}
	hostile := undo
	hostile.FromVersion = "v3\x1b[2J"
	hostile.FromTemplate = templateWith(t, map[string]any{
		"erase":   "\x1b[2J\x1b]0;title\x07",
		"bidi":    "user\u202e\u2066 admin",
		"lines":   "first\n+++ second\r\n\x1b[31mthird",
		"big":     "9007199254740993",
		"c1":      "\u009b31m",
		"invalid": "\xff\xfe",
	})
	for name, p := range map[string]Plan{"diff-undo": undo, "diff-switch": back, "diff-hostile": hostile} {
		t.Run(name, func(t *testing.T) {
			diff, err := p.Diff(mask.Masker{})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range diff {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Errorf("the diff has %U in it", r)
				}
			}
			checkGolden(t, name, diff)
		})
	}
}

// templateWith is a template with these annotations.
func templateWith(t *testing.T, annotations map[string]any) json.RawMessage {
	t.Helper()
	template, ok := decode(podSpec("v3"))
	if !ok {
		t.Fatal("the fixture does not decode")
	}
	child(template, "metadata")["annotations"] = annotations
	raw, err := json.Marshal(template)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestDiffOfEqualTemplatesIsEmpty(t *testing.T) {
	pin, s := pinned()
	p, _ := MakePlan(pin, s, false)
	p.FromTemplate = json.RawMessage(strings.ReplaceAll(string(p.ToTemplate), "<", `\u003c`))
	if diff, err := p.Diff(mask.Masker{}); diff != "" || err != nil {
		t.Errorf("Diff = %q, %v", diff, err)
	}
}

func TestDiffOfWhatIsNoTemplateIsAnError(t *testing.T) {
	pin, s := pinned()
	p, _ := MakePlan(pin, s, false)
	p.ToTemplate = json.RawMessage(`{"spec"`)
	if diff, err := p.Diff(mask.Masker{}); err == nil || !strings.Contains(err.Error(), "Deployment shop/checkout is to be") {
		t.Errorf("Diff = %q, %v", diff, err)
	}
}
