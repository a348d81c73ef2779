package incident

import (
	"encoding/json"
	"reflect"

	"github.com/rollbackd/rollbackd/internal/mask"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file hides the secrets in the pod templates and the Job that entries hold. The journal needs them whole, because a rollback puts them back;
// whoever reads a record does not, and may be somebody who must not know the values of variables.

// withoutSecrets returns the entry as it may be shown.
func (e Entry) withoutSecrets() Entry {
	switch {
	case e.Pinned != nil:
		pin := *e.Pinned
		pin.Release = hiddenRevision(pin.Release)
		pin.Target = hiddenPointer(pin.Target)
		if pin.Canary != nil {
			canary := *pin.Canary
			canary.Earlier = hiddenPointer(canary.Earlier)
			pin.Canary = &canary
		}
		e.Pinned = &pin
	case e.Plan != nil:
		e.Plan = new(hiddenPlan(*e.Plan))
	case e.Intent != nil:
		intent := *e.Intent
		intent.Plan = hiddenPlan(intent.Plan)
		if intent.Migration != nil {
			order := *intent.Migration
			order.Manifest = hiddenTemplate(order.Manifest)
			intent.Migration = &order
		}
		e.Intent = &intent
	case e.Pause != nil:
		pause := *e.Pause
		pause.Template = hiddenTemplate(pause.Template)
		e.Pause = &pause
	}
	return e
}

func hiddenPlan(p rollback.Plan) rollback.Plan {
	p.FromTemplate, p.ToTemplate = hiddenTemplate(p.FromTemplate), hiddenTemplate(p.ToTemplate)
	return p
}

func hiddenPointer(r *rollback.Revision) *rollback.Revision {
	if r == nil {
		return nil
	}
	return new(hiddenRevision(*r))
}

func hiddenRevision(r rollback.Revision) rollback.Revision {
	r.Template = hiddenTemplate(r.Template)
	return r
}

// hiddenTemplate returns a template without secrets, to the byte as it was if it holds none.
func hiddenTemplate(raw json.RawMessage) json.RawMessage {
	var template map[string]any
	if len(raw) == 0 || json.Unmarshal(raw, &template) != nil {
		return raw
	}
	shown, _ := mask.Masker{}.Templates(template, nil)
	if reflect.DeepEqual(shown, template) {
		return raw
	}
	hidden, err := json.Marshal(shown)
	if err != nil {
		return nil
	}
	return hidden
}
