package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
)

// asking lets a person decide in the active stage.
func asking(w *Watch) { w.Policy.Stages[0].Mode = Approve }

// proposed is a release that is proven bad while the policy asks a person.
const proposed = proven + `
	35s | incident i1 | REGRESSED >Regressed refusal=needs-approval >AwaitingApproval | AwaitingApproval
`

// doubting weighs the evidence, so that the rule may ask for a rollback before chance is ruled out.
func doubting(w *Watch) { w.Policy.Signals[0].Strict = false }

// doubted is a release in breach for long enough, on too little evidence to act without a person.
const doubted = settled + `
	50s | ticks worse 45s | tick INSUFFICIENT tick*8 | Watching
	55s | ticks worse 50s | tick                     | Watching open-incident
	55s | incident i1     | REGRESSED >Regressed refusal=unproven >AwaitingApproval | AwaitingApproval
	60s | ticks worse 55s | tick                     | AwaitingApproval
`

func TestPeopleDecide(t *testing.T) {
	for _, tc := range []struct {
		name   string
		edit   func(*Watch)
		script string
		reason string
	}{
		{name: "an approved rollback is planned anew and carried out", edit: asking, script: proposed + `
			40s | ticks bad 35s  | tick                       | AwaitingApproval
			41s | ana approve    | control=approve            | AwaitingApproval plan
			42s | plan v2        | plan intent >RollingBack   | RollingBack apply
			43s | applied landed | outcome=landed >Verifying  | Verifying`},
		{name: "a denied one is held", edit: asking, reason: "ana denied it", script: proposed + `
			40s | ana deny | control=deny >Held | Held`},
		{name: "an approval needs the breach in the newest tick", edit: asking, script: proposed + `
			70s | ticks good 65s | tick*2 HEALTHY tick*5 | AwaitingApproval
			71s | ana approve    | -      | AwaitingApproval`},
		{name: "an approval needs a newest tick", edit: asking, script: proposed + `
			95s | ana approve    | -      | AwaitingApproval`},
		{name: "an approval of long ago is not acted on", edit: asking, reason: "could not be acted on within 2m0s", script: proposed + `
			36s  | ana approve    | control=approve | AwaitingApproval plan
			157s | clock          | >Held           | Held`},
		{name: "nobody approves", edit: asking, reason: "nobody approved it within 1h0m0s", script: proposed + `
			3634s | clock | -     | AwaitingApproval
			3636s | clock | >Held | Held`},
		{name: "what waits is superseded by a newer version", edit: asking, script: proposed + `
			40s | superseded v3 | >Superseded | Superseded`},
		{name: "what waits is taken back by hand", edit: asking, reason: "somebody rolled it back by hand", script: proposed + `
			40s | see v1 | >Superseded | Superseded`},
		{name: "what is approved and cannot be planned is held", edit: asking, reason: "not rolled back: said the planner", script: proposed + `
			36s | ana approve        | control=approve              | AwaitingApproval plan
			37s | refuse target-missing | refusal=target-missing >Held | Held`},
		{name: "nothing to approve or deny while it is watched", script: settled + `
			2s | ana approve | - | Watching
			2s | ana deny    | - | Watching`},
		{name: "what may be overruled waits for a person in automatic mode, too", script: decided + `
			36s | refuse on-hold | refusal=on-hold >AwaitingApproval | AwaitingApproval
			37s | ana approve    | control=approve                   | AwaitingApproval plan`},
		{name: "what waits only for evidence goes on by itself once that is there", edit: doubting, script: doubted + `
			65s | ticks worse 60s | tick                     | AwaitingApproval plan
			66s | plan v2         | plan intent >RollingBack | RollingBack apply`},
		{name: "what waited for evidence goes on waiting where something else speaks for a person", edit: doubting, script: doubted + `
			65s | ticks worse 60s | tick                     | AwaitingApproval plan
			66s | refuse on-hold  | refusal=on-hold          | AwaitingApproval
			70s | ticks worse 65s | tick                     | AwaitingApproval
			71s | ana approve     | control=approve          | AwaitingApproval plan
			72s | plan v2         | plan intent >RollingBack | RollingBack apply`},
		{name: "what waited for evidence and cannot be planned is held", edit: doubting, reason: "said the planner", script: doubted + `
			65s | ticks worse 60s       | tick                         | AwaitingApproval plan
			66s | refuse target-missing | refusal=target-missing >Held | Held`},
		{name: "what waits for evidence is left to a person in a stage that asks one",
			edit: func(w *Watch) {
				doubting(w)
				w.Policy.Stages[0].Until, w.Policy.Stages[1].Mode = 59*time.Second, Approve
			}, script: doubted + `
			65s | ticks worse 60s | tick            | AwaitingApproval
			66s | ana approve     | control=approve | AwaitingApproval plan`},
		{name: "an approval is acted on although the stage only observes by now",
			edit: func(w *Watch) {
				asking(w)
				w.Policy.Stages[0].Until, w.Policy.Stages[1].Mode = 34*time.Second, Observe
			}, script: proposed + `
			40s | ticks bad 35s  | tick                       | AwaitingApproval
			41s | ana approve    | control=approve            | AwaitingApproval plan
			42s | plan v2        | plan intent >RollingBack   | RollingBack apply`},
		{name: "a watch is aborted", reason: "ana ended the watch", script: settled + `
			2s | ana abort | control=abort >Aborted | Aborted`},
		{name: "what is being carried out is not aborted", script: intended + `
			37s | ana abort | - | RollingBack apply`},
		{name: "an order needs no breach, no baseline and no automatic mode", edit: func(w *Watch) { w.Policy.Stages[0].Mode = Observe }, script: `
			0s  | see v2         | pinned >Watching rollout  | Watching baseline
			1s  | ana rollback   | control=rollback          | Watching open-incident
			1s  | incident i1    | >Regressed                | Regressed plan
			2s  | plan v2        | plan intent >RollingBack  | RollingBack apply
			3s  | applied landed | outcome=landed >Verifying | Verifying baseline
			4s  | baseline 10000 | baseline                  | Verifying`},
		{name: "an order to a revision pins what the person named", script: settled + `
			2s  | ana rollback 1 | control=rollback                | Watching open-incident
			2s  | incident i1    | >Regressed                      | Regressed plan
			2s  | plan v2        | pinned plan intent >RollingBack | RollingBack apply`},
		{name: "an order to a revision that is not there", reason: "has no revision", script: settled + `
			2s  | ana rollback 9 | control=rollback                | Watching open-incident
			2s  | incident i1    | >Regressed                      | Regressed plan
			2s  | plan v2        | refusal=no-revision >Held       | Held`},
		{name: "an order that cannot be carried out in time is dropped", reason: "could not be acted on within 2m0s", script: settled + `
			2s   | ana rollback | control=rollback | Watching open-incident
			2s   | incident i1  | >Regressed       | Regressed plan
			123s | clock        | >Held            | Held`},
		{name: "an order takes what waits for approval along", edit: asking, script: proposed + `
			95s | ana rollback   | control=rollback          | AwaitingApproval plan
			95s | plan v2        | plan intent >RollingBack  | RollingBack apply`},
		{name: "no second order once one is carried out", script: landed + `
			40s | ana rollback | - | Verifying`},
		{name: "a hold is noted and changes nothing by itself", script: settled + `
			2s | ana hold | control=hold | Watching`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var edits []func(*Watch)
			if tc.edit != nil {
				edits = append(edits, tc.edit)
			}
			s := newStory(t, edits...)
			s.play(tc.script)
			require.Contains(t, s.watch.Reason, tc.reason)
		})
	}
}

// Whoever approves what nobody has measured lately is not told that it is well.
func TestAnApprovalIsToldWhetherTheBreachIsOverOrNotMeasured(t *testing.T) {
	approve := control.Asked{By: "ana", Verb: control.Approve}
	s := newStory(t, asking)
	s.play(proposed)
	reply := s.watch.answer(approve, start.Add(95*time.Second))
	require.Equal(t, control.CodeBreach, reply.Code)
	require.Contains(t, reply.Message, "whether the breach of shop/checkout v2 goes on is not known: the newest measurement is that of 2026-11-22T10:00:30Z")
	require.NotContains(t, reply.Message, "any more")

	s.play(`70s | ticks good 65s | tick*2 HEALTHY tick*5 | AwaitingApproval`)
	reply = s.watch.answer(approve, start.Add(71*time.Second))
	require.Equal(t, control.CodeBreach, reply.Code)
	require.Contains(t, reply.Message, "does not show the breach any more")
}

// A process that is killed right after a person's word was stored does what the word asks when it is back.
func TestAPersonsWordOutlivesACrash(t *testing.T) {
	for verb, then := range map[control.Verb]State{control.Deny: Held, control.Abort: Aborted} {
		s := newStory(t, asking)
		s.play(proposed)
		s.feed(asked{Asked: control.Asked{By: "ana", Verb: verb}}, start.Add(40*time.Second))
		s.killed(1)
		require.Equal(t, AwaitingApproval, s.watch.State)
		s.feed(clock{}, start.Add(50*time.Second))
		require.Equal(t, then, s.watch.State)
	}
}

// An intent that a person ordered is carried out by the process that finds it, as long as the order is not old; one that was
// approved is judged anew as any other.
func TestAnOrderedIntentOutlivesACrash(t *testing.T) {
	s := newStory(t)
	s.play(settled + `
		2s  | ana rollback | control=rollback         | Watching open-incident
		2s  | incident i1  | >Regressed               | Regressed plan
		2s  | plan v2      | plan intent >RollingBack | RollingBack apply`)
	s.watch.resumed = start.Add(20 * time.Second)
	s.restarted.resumed = s.watch.resumed
	s.feed(clock{}, start.Add(21*time.Second))
	require.Equal(t, effectCheckLanded, s.want)
	s.feed(notLanded{}, start.Add(21*time.Second))
	s.feed(clock{}, start.Add(22*time.Second))
	require.Equal(t, effectApply, s.want)
	s.feed(clock{}, start.Add(126*time.Second))
	require.NotEqual(t, effectApply, s.want)
}
