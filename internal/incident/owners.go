package incident

import (
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/rollback"
)

// HoldPhase is how far the holding of others who write the workload has got.
type HoldPhase string

// The phases of a hold.
const (
	// HoldPlacing: the holds of the intent are about to be placed.
	HoldPlacing HoldPhase = "placing"
	// HoldPlaced: they are in place.
	HoldPlaced HoldPhase = "placed"
	// HoldStuck: they could not be undone for a while; it is still tried.
	HoldStuck HoldPhase = "stuck"
	// HoldReleased: they are undone.
	HoldReleased HoldPhase = "released"
)

// OwnerHold records a step in holding those who would undo a rollback.
type OwnerHold struct {
	// Intent is the intent whose plan has the holds.
	Intent string    `json:"intent"`
	Phase  HoldPhase `json:"phase"`
	Detail string    `json:"detail,omitempty"`
}

// CameBack records that the release is there again after it was rolled back.
type CameBack struct {
	// By is who put it there, by the API server's record; nil if that does not tell.
	By *rollback.Writer `json:"by,omitempty"`
}

// String says in words that the release came back, and by whom.
func (c CameBack) String() string {
	if c.By == nil {
		return "the version that was rolled back came back (the API server does not say who put it there)"
	}
	text := "the version that was rolled back came back, put there by " + c.By.Manager + " (" + c.By.Operation
	if !c.By.At.IsZero() {
		text += " at " + c.By.At.UTC().Format(time.RFC3339)
	}
	return text + ")"
}

// owners takes in what a plan or a refusal says of other owners.
func (s *Summary) owners(e Entry) {
	switch {
	case e.Plan != nil:
		s.Owners, s.Advice = e.Plan.Owners, e.Plan.Advice
	case e.Intent != nil:
		s.Owners, s.Advice = e.Intent.Plan.Owners, e.Intent.Plan.Advice
	case e.Refusal != nil && e.Refusal.Owners != nil:
		s.Owners, s.Advice = e.Refusal.Owners, e.Refusal.Advice
	case e.OwnerHold != nil:
		s.OwnerHold = e.OwnerHold
	case e.CameBack != nil:
		s.CameBack = e.CameBack
		s.Times.CameBack = e.At
	}
}

// writtenBy lists who else writes the workload.
func (s Summary) writtenBy(p *page) {
	for _, o := range s.Owners {
		what := map[rollback.Reverts]string{
			rollback.RevertsYes:     "puts back what it wrote",
			rollback.RevertsUnknown: "may put back what it wrote",
			rollback.RevertsNo:      "does not put back what it wrote by itself",
			rollback.RevertsNever:   "writes only the number of replicas, which a rollback leaves alone",
		}[o.Reverts]
		if o.Why != "" {
			what += " (" + o.Why + ")"
		}
		p.line("- Also written by: %s, which %s", text(o.String()), text(what))
	}
	if s.OwnerHold != nil {
		p.line("- Hold: %s", tellHold(s.OwnerHold))
	}
	if s.CameBack != nil {
		p.line("- **Came back** at %s: %s", instant(s.Times.CameBack), text(s.CameBack.String()))
	}
}

func tellHold(h *OwnerHold) string {
	what := map[HoldPhase]string{
		HoldPlacing: "about to be placed", HoldPlaced: "in place", HoldStuck: "**could not be undone yet**", HoldReleased: "undone",
	}[h.Phase]
	return or(what, text(string(h.Phase))) + ": " + text(h.Detail)
}

// adviceSteps renders what a plan or a refusal advises.
func (s Summary) adviceSteps() []string {
	var steps []string
	for _, a := range s.Advice {
		step := text(a.Do)
		if a.Command != "" {
			step += ": " + code(a.Command)
		}
		steps = append(steps, step)
	}
	return steps
}

// cameBackSteps is what is to be done about a version that came back.
func (s Summary) cameBackSteps() []string {
	return []string{
		"**Act now:** " + text(strings.TrimSuffix(s.CameBack.String(), ".")) + ". rollbackd does not roll it back again",
		"Have whoever put it there stop, or revert the version where it comes from; then see what is live: " + code(s.whatIsLive()),
	}
}
