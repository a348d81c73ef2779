package incident

import (
	"encoding/json"
	"reflect"

	"github.com/rollbackd/rollbackd/internal/mask"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file hides the secrets in the pod templates and the Job that entries hold. The journal needs them whole, because a rollback puts them back;
// whoever reads a record does not, and may be somebody who must not know the values of variables.

// Hide returns the entries as they may be shown, without what looks like a secret or is one by the expressions of the configuration.
func Hide(entries []Entry, m mask.Masker) []Entry {
	out := make([]Entry, len(entries))
	for i, e := range entries {
		out[i] = hider{m}.entry(e)
	}
	return out
}

// hider hides by one masker.
type hider struct{ mask.Masker }

// entry returns the entry as it may be shown.
func (h hider) entry(e Entry) Entry {
	switch {
	case e.Pinned != nil:
		pin := *e.Pinned
		pin.Release = h.revision(pin.Release)
		pin.Target = h.pointer(pin.Target)
		if pin.Canary != nil {
			canary := *pin.Canary
			canary.Earlier = h.pointer(canary.Earlier)
			pin.Canary = &canary
		}
		e.Pinned = &pin
	case e.Plan != nil:
		e.Plan = new(h.plan(*e.Plan))
	case e.Intent != nil:
		intent := *e.Intent
		intent.Plan = h.plan(intent.Plan)
		if intent.Migration != nil {
			order := *intent.Migration
			order.Manifest = h.template(order.Manifest)
			intent.Migration = &order
		}
		e.Intent = &intent
	case e.Pause != nil:
		pause := *e.Pause
		pause.Template = h.template(pause.Template)
		e.Pause = &pause
	}
	return e
}

func (h hider) plan(p rollback.Plan) rollback.Plan {
	p.FromTemplate, p.ToTemplate = h.template(p.FromTemplate), h.template(p.ToTemplate)
	return p
}

func (h hider) pointer(r *rollback.Revision) *rollback.Revision {
	if r == nil {
		return nil
	}
	return new(h.revision(*r))
}

func (h hider) revision(r rollback.Revision) rollback.Revision {
	r.Template = h.template(r.Template)
	return r
}

// hiddenTemplate returns a template without secrets, to the byte as it was if it holds none.
func (h hider) template(raw json.RawMessage) json.RawMessage {
	var template map[string]any
	if len(raw) == 0 || json.Unmarshal(raw, &template) != nil {
		return raw
	}
	shown, _ := h.Templates(template, nil)
	if reflect.DeepEqual(shown, template) {
		return raw
	}
	hidden, err := json.Marshal(shown)
	if err != nil {
		return nil
	}
	return hidden
}
