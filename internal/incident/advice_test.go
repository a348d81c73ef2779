package incident

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/rollback"
)

// cutBefore returns the entries before the first of a kind.
func cutBefore(entries []Entry, kind Kind) []Entry {
	for i, e := range entries {
		if e.Kind == kind {
			return entries[:i:i]
		}
	}
	return entries
}

// ended appends the refusal and the state in which a watch that was not acted on ends.
func ended(entries []Entry, code rollback.RefusalCode) []Entry {
	at := entries[len(entries)-1].At
	return append(entries,
		Entry{At: at, Kind: KindRefusal, Refusal: &rollback.Refusal{Code: code, Reason: "because " + string(code)}},
		Entry{At: at, Kind: KindState, State: &StateChange{To: "Held", Reason: "not rolled back: because " + string(code), Final: true}})
}

func section(markdown []byte, title string) string {
	_, rest, _ := strings.Cut(string(markdown), "\n## "+title+"\n")
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

func TestAdviceFitsTheRefusal(t *testing.T) {
	regressed := cutBefore(readJournal(t, "testdata/observe.jsonl"), KindRefusal)
	for code, want := range map[rollback.RefusalCode]string{
		rollback.RefuseObserve:       "1. If the service is still bad, go back to v1.2.2: `kubectl -n shop rollout undo deployment/checkout --to-revision=42`",
		rollback.RefusePaused:        "1. Ask who paused the deployment and why; then let it go on: `kubectl -n shop rollout resume deployment/checkout`",
		rollback.RefuseSchemaChange:  "1. **First** take the database schema back",
		rollback.RefuseTargetMissing: "1. The known-good version is no longer in the cluster",
		rollback.RefuseTargetIsLive:  "1. See what is live now: `kubectl -n shop rollout history deployment/checkout`",
		rollback.RefuseWorkloadGone:  "1. The deployment is gone",
	} {
		got := Timeline(ended(regressed, code))
		if left := section(got, "What is left to do"); !strings.Contains(left, want) {
			t.Errorf("%s: %s", code, left)
		}
		if !strings.Contains(string(got), "\n**Rolled Back:** no (because "+string(code)+")\n") {
			t.Errorf("%s is not in the header:\n%s", code, got)
		}
	}
}

func TestApprovalIsTold(t *testing.T) {
	entries := readJournal(t, "testdata/restored.jsonl")
	waiting := cutBefore(entries, KindPlan)
	at := waiting[len(waiting)-1].At
	waiting = append(waiting, Entry{At: at, Kind: KindState, State: &StateChange{To: stateAwaiting, Reason: "the stage asks for it"}})
	got := Timeline(waiting)
	if left := section(got, "What is left to do"); !strings.Contains(left, "`rollbackctl approve production.shop.9f2c1a7be04d`") {
		t.Errorf("how to approve is missing: %s", left)
	}
	if !strings.Contains(string(got), "**Rolled Back:** not yet (waiting for approval: the stage asks for it)") {
		t.Errorf("the header does not say what it waits for:\n%s", got)
	}
	approved := append(waiting, Entry{At: at, Actor: "ana", Kind: KindControl, Control: &Control{Verb: control.Approve}})
	for _, e := range entries {
		if e.Kind == KindIntent || e.Kind == KindOutcome {
			approved = append(approved, e)
		}
	}
	if done := section(Timeline(approved), "What was done"); !strings.Contains(done, "- By: rollbackd/prod, approved by ana\n") {
		t.Errorf("who approved is missing: %s", done)
	}
}

func TestDroppedIntentIsNoRollback(t *testing.T) {
	entries := readJournal(t, "testdata/restored.jsonl")
	begun := cutBefore(entries, KindOutcome)
	if got := string(Timeline(begun)); !strings.Contains(got, "**Rolled Back:** not yet (the outcome is not recorded yet)") {
		t.Errorf("a begun rollback reads as something else:\n%s", got)
	}
	s := Fold(begun)
	at := s.Times.Last
	dropped := append(begun,
		Entry{At: at, Kind: KindOutcome, Outcome: &Outcome{Intent: s.Action.Intent, Result: rollback.Failed, Detail: "the breach was over"}},
		Entry{At: at, Kind: KindState, State: &StateChange{To: "Held", Reason: "dropped", Final: true}})
	got := string(Timeline(dropped))
	if !strings.Contains(got, "**Rolled Back:** no (the change was not made: the breach was over)") || RollbackLine(dropped) != "" {
		t.Errorf("a dropped rollback reads as something else:\n%s", got)
	}
}

func TestOtherSignalsAreCalledByTheirNames(t *testing.T) {
	for want, a := range map[string]analyzer.Assessment{
		"P95 latency breach detected":       {Kind: analyzer.KindLatency, Quantile: 0.95},
		"P99.9 latency breach detected":     {Kind: analyzer.KindLatency, Quantile: 0.999},
		`Signal sign\_ ups breach detected`: {Kind: analyzer.KindBusiness},
	} {
		at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		a.Signal, a.Verdict, a.Since = "sign_ ups", analyzer.Regressed, at
		v := &Verdict{Phase: PhaseWatch, Verdict: analyzer.Regressed, Signals: []analyzer.Assessment{{Signal: "errors", Verdict: analyzer.Healthy}, a}}
		got := string(Timeline([]Entry{{At: at, Kind: KindVerdict, Verdict: v}}))
		if !strings.Contains(got, "- 2026-11-22T10:00:00Z - "+want+"\n") || !strings.Contains(got, "- Other signal errors: HEALTHY") {
			t.Errorf("%s:\n%s", want, got)
		}
	}
}

func TestSecondEventOfAPair(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	s := Fold([]Entry{
		{Kind: KindAccepted, Accepted: &Accepted{Subject: "deployments.p.n.a.b", Event: raw(`{"version":"v1","status":"started","operator":"ana","approvals":"wrong type"}`)}},
		{Kind: KindUpdated, Updated: &Accepted{Subject: "deployments.p.n.a.b", Event: raw(`{"version":"v2","status":"failed","verification":"smoke.log"}`)}},
	})
	e := s.Event
	if e.Version != "v1" || e.Status != "failed" || e.Verification != "smoke.log" || e.Operator != "ana" || e.workload() != "n/a.b" {
		t.Errorf("%+v", e)
	}
}

// A known-good version that would not start is of no use before what it lacks is there again.
func TestWhatTheTargetLacksComesFirst(t *testing.T) {
	for code, want := range map[rollback.RefusalCode]string{
		rollback.RefuseConfigMissing:   "1. **First** put back what the known-good version needs",
		rollback.RefuseImageUnpullable: "1. **First** make the known-good version's image available again",
	} {
		held := append(cutBefore(readJournal(t, "testdata/restored.jsonl"), KindPlan),
			Entry{Kind: KindRefusal, Refusal: &rollback.Refusal{Code: code, Reason: "it would not start"}},
			Entry{Kind: KindState, State: &StateChange{To: "Held", Reason: "not rolled back", Final: true}})
		if left := section(Timeline(held), "What is left to do"); !strings.Contains(left, want) || !strings.Contains(left, "rollout undo") {
			t.Errorf("%s: %s", code, left)
		}
	}
}

func TestAPlanSaysWhatCouldNotBeChecked(t *testing.T) {
	entries := readJournal(t, "testdata/restored.jsonl")
	for i := range entries {
		if entries[i].Plan != nil {
			entries[i].Plan.Notes = []string{"ConfigMap <b> could not be checked"}
		}
	}
	if got := string(Timeline(entries)); !strings.Contains(got, "; but ConfigMap &lt;b&gt; could not be checked") {
		t.Errorf("the note is missing:\n%s", got)
	}
}
