package incident

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/rollbackd/rollbackd/internal/mask"
	"github.com/rollbackd/rollbackd/rollback"
)

// TestNoSecretOfATemplateIsShown: entries hold whole templates, and their values of variables are for nobody who reads a record.
func TestNoSecretOfATemplateIsShown(t *testing.T) {
	template := json.RawMessage(`{"spec":{"containers":[{"name":"app","image":"a:1","env":[{"name":"DB_PASSWORD","value":"hunter2"}],"args":["--url=postgres://app:hunter2@db"]}]}}`)
	r := rollback.Revision{ReplicaSet: "web-1", Template: template}
	plan := rollback.Plan{FromTemplate: template, ToTemplate: template}
	entries := []Entry{
		{Kind: KindPinned, Pinned: &rollback.Pin{Release: r, Target: &r, Canary: &rollback.PinnedCanary{Earlier: &r}}},
		{Kind: KindPlan, Plan: &plan}, {Kind: KindIntent, Intent: &Intent{ID: "i", Plan: plan, Migration: &MigrationOrder{Job: "down", Manifest: template}}},
		{Kind: KindPause, Pause: &Pause{Pause: rollback.Pause{Template: template}}},
	}
	for _, f := range Files(entries) {
		if bytes.Contains(f.Body, []byte("hunter2")) {
			t.Errorf("%s holds a secret:\n%s", f.Name, f.Body)
		}
	}
	if got := strings.Count(string(JournalLines(entries)), `"value":"***"`); got != 9 {
		t.Errorf("%d values are hidden, want 9", got)
	}
	if string(entries[0].Pinned.Release.Template) != string(template) || string(entries[2].Intent.Plan.ToTemplate) != string(template) ||
		string(entries[2].Intent.Migration.Manifest) != string(template) || string(entries[3].Pause.Template) != string(template) {
		t.Error("the entries themselves were changed")
	}
}

// TestATemplateWithoutSecretsIsShownAsItWas, numbers that a float would round included.
func TestATemplateWithoutSecretsIsShownAsItWas(t *testing.T) {
	template := json.RawMessage(`{"spec": {"x":9007199254740993, "containers":[]}}`)
	if got := (hider{}).template(template); string(got) != string(template) {
		t.Errorf("it became %s", got)
	}
	for _, other := range []string{``, `[]`, `{`} {
		if got := (hider{}).template(json.RawMessage(other)); string(got) != other {
			t.Errorf("%q became %q", other, got)
		}
	}
}

// TestWhatTheConfigurationHidesIsHidden: the owner of a cluster knows of secrets that nobody else can tell from other words.
func TestWhatTheConfigurationHidesIsHidden(t *testing.T) {
	template := json.RawMessage(`{"spec":{"containers":[{"name":"app","env":[{"name":"CUSTOMER","value":"cust-123"}]}]}}`)
	m, err := mask.New(`cust-\d+`)
	if err != nil {
		t.Fatal(err)
	}
	entries := []Entry{{Kind: KindPinned, Pinned: &rollback.Pin{Release: rollback.Revision{Template: template}}}}
	if got := string(JournalLines(Hide(entries, m))); strings.Contains(got, "cust-123") || !strings.Contains(got, `"CUSTOMER"`) {
		t.Errorf("it is shown as %s", got)
	}
	if string(entries[0].Pinned.Release.Template) != string(template) {
		t.Error("the entries themselves were changed")
	}
}
