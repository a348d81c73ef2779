package watch

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// The ways that most scripts begin.
const (
	settled = `
		0s  | see v2         | pinned >Watching rollout | Watching baseline
		1s  | baseline 10000 | baseline                 | Watching
	`
	proven = settled + `
		30s | ticks bad 25s  | tick INSUFFICIENT tick*4 | Watching
		35s | ticks bad 30s  | tick                     | Watching open-incident
	`
	decided = proven + `
		35s | incident i1    | REGRESSED >Regressed     | Regressed plan
	`
	intended = decided + `
		36s | plan v2        | plan intent >RollingBack | RollingBack apply
	`
	landed = intended + `
		37s | applied landed | outcome=landed >Verifying | Verifying
	`
	restored = landed + `
		45s | see v1         | rollout                  | Verifying
	`
)

func TestStories(t *testing.T) {
	for _, tc := range []struct {
		name   string
		edit   func(*Watch)
		script string
		reason string
	}{
		{name: "settles once the announced version is live", script: `
			0s | clock  | -                        | Pending observe
			5s | see v1 | -                        | Pending observe
			9s | see v2 | pinned >Watching rollout | Watching baseline`},
		{name: "notes the end of the deployment's own rollout when it comes", script: `
			0s | see v2 rolling | pinned >Watching | Watching baseline
			5s | see v2 rolling | -                | Watching baseline
			9s | see v2         | rollout          | Watching baseline
			10s | see v2        | -                | Watching baseline`},
		{name: "the announced version never comes", reason: "was not live within 5m0s", edit: announcedOnce, script: `
			5m  | see v1 | -             | Pending observe
			301s | see v1 | >Inconclusive | Inconclusive`},
		{name: "an unknown workload is final only after a minute of 404s", reason: "has no Deployment", script: `
			10s | gone 59s | -             | Pending observe
			11s | gone 60s | >Inconclusive | Inconclusive`},
		{name: "an API server that does not answer is never an unknown workload", script: `
			10m | clock | - | Pending observe`},
		{name: "an API server that forbids to look is believed after a while", reason: "said the API server", script: `
			310s | forbidden 5m    | -             | Pending observe
			311s | forbidden 301s  | >Inconclusive | Inconclusive`},
		{name: "what is watched already is judged without looking", script: settled + `
			30s | forbidden 1h | - | Watching`},
		{name: "without an earlier version it watches and says that there is nothing to go back to", reason: "no version of shop/checkout is known to be good",
			script: `
			0s  | see v2 alone   | pinned >Watching refusal=no-target rollout | Watching baseline
			1s  | baseline 10000 | baseline                 | Watching
			35s | ticks bad 30s  | tick INSUFFICIENT tick*5 | Watching open-incident
			35s | incident i1    | REGRESSED >Regressed     | Regressed plan
			35s | plan v2 alone  | refusal=no-target >Held  | Held`},
		{name: "a second baseline is ignored", script: settled + `
			2s | baseline 5 | - | Watching`},
		{name: "an empty baseline proves nothing", reason: "there is no baseline", script: `
			0s | see v2          | pinned >Watching rollout | Watching baseline
			1s | baseline 0      | baseline                 | Watching
			4m | ticks bad 180s  | tick INSUFFICIENT tick*11 INSUFFICIENT tick*12 INSUFFICIENT tick*6 INSUFFICIENT >Inconclusive | Inconclusive`},

		{name: "good to the end", reason: "watched for 3m0s", script: settled + `
			65s  | ticks good 60s  | tick HEALTHY tick*11 | Watching
			190s | ticks good 180s | tick*18 HEALTHY >Healthy | Healthy
			200s | see v3          | -                    | Healthy
			201s | clock           | -                    | Healthy`},
		{name: "proven good when the active stage is over, and that is enough", reason: "proven healthy after 1m0s",
			edit: func(w *Watch) { w.Policy.EarlyPass, w.Policy.Signals[0].Rule.Relative = true, 10 }, script: settled + `
			60s  | ticks good 55s  | tick HEALTHY tick*10 | Watching
			65s  | ticks good 60s  | tick HEALTHY >Healthy | Healthy`},
		{name: "not proven, and so watched to the end", reason: "watched for 3m0s",
			edit: func(w *Watch) { w.Policy.EarlyPass = true }, script: settled + `
			65s  | ticks good 60s  | tick HEALTHY tick*11 | Watching
			190s | ticks good 180s | tick*18 HEALTHY >Healthy | Healthy`},
		{name: "too little to the end", reason: "100 are needed", script: settled + `
			190s | ticks few 180s | tick INSUFFICIENT tick*11 INSUFFICIENT tick*12 INSUFFICIENT tick*6 INSUFFICIENT >Inconclusive | Inconclusive`},
		{name: "no data at the end", reason: "no sample", script: settled + `
			125s | ticks good 120s | tick HEALTHY tick*23              | Watching
			190s | ticks none 180s | tick INSUFFICIENT tick NO_DATA tick*4 NO_DATA >Inconclusive | Inconclusive`},
		{name: "Prometheus is silent at the end", reason: "Prometheus did not answer for the end", script: settled + `
			65s  | ticks good 60s | tick HEALTHY tick*11 | Watching
			63m  | clock          | -                    | Watching
			63m1s | clock         | HEALTHY >Inconclusive | Inconclusive`},

		{name: "a newer watch takes over", reason: "version v3 was deployed", script: settled + `
			5s | superseded v3 | >Superseded | Superseded`},
		{name: "a newer watch takes over before this one settles", script: `
			5s | superseded v3 | >Superseded | Superseded`},
		{name: "other containers without an event", reason: "another version was deployed in its place", script: settled + `
			5s | see v3 | >Superseded | Superseded`},
		{name: "rolled back by hand", reason: "by hand", script: settled + `
			5s | see v1 | >Superseded | Superseded`},
		{name: "made again", reason: "deleted and made again", script: settled + `
			5s | see v2 recreated | >Superseded | Superseded`},
		{name: "deleted while watched", reason: "deleted", script: settled + `
			5s | gone 59s | -             | Watching
			6s | gone 60s | >Inconclusive | Inconclusive`},
		{name: "a restart or a new label keeps the watch", script: settled + `
			5s | see v2+restarted | - | Watching
			6s | see v2           | - | Watching`},
		{name: "the second event of the pair is taken over once", script: settled + `
			5s | updated | updated | Watching
			6s | updated | -       | Watching`},

		{name: "a stage that only observes holds", reason: "only observes in the active stage",
			edit: func(w *Watch) { w.Policy.Stages[0].Mode = Observe }, script: proven + `
			35s | incident i1 | REGRESSED >Regressed refusal=observe >Held | Held`},
		{name: "the mode is that of the stage", edit: func(w *Watch) { w.Policy.Stages[0].Mode = Observe }, script: settled + `
			65s | ticks good 60s | tick HEALTHY tick*11     | Watching
			95s | ticks bad 90s  | tick INSUFFICIENT tick*5 | Watching open-incident
			95s | incident i1    | REGRESSED >Regressed     | Regressed plan`},
		{name: "a schema change holds", reason: "database schema", edit: func(w *Watch) { w.Event.SchemaChange = true }, script: proven + `
			35s | incident i1 | REGRESSED >Regressed refusal=schema-change >Held | Held`},

		{name: "what is live is the target already", script: decided + `
			36s | plan v1 | refusal=target-is-live >Superseded | Superseded`},
		{name: "what is live was never judged", script: decided + `
			36s | plan v3 | refusal=superseded >Superseded | Superseded`},
		{name: "the workload is gone", script: decided + `
			36s | plan v2 recreated | refusal=workload-gone >Superseded | Superseded`},
		{name: "the workload is paused", reason: "paused", script: decided + `
			36s | plan v2 paused | refusal=paused >Held | Held`},
		{name: "an unsettled workload is planned again", script: decided + `
			36s | plan v2 unsettled | -                       | Regressed plan
			37s | plan v2           | plan intent >RollingBack | RollingBack apply`},
		{name: "the API server does not answer until it is too late", reason: "could not be acted on within 2m0s", script: decided + `
			155s | clock | -     | Regressed
			156s | clock | >Held | Held`},
		{name: "superseded while it waits to act", script: decided + `
			36s | superseded v3 | >Superseded | Superseded`},
		{name: "undone by hand while it waits to act", script: decided + `
			36s | see v1 | >Superseded | Superseded`},
		{name: "the breach ends before it is acted on", reason: "over before", script: decided + `
			48s | ticks good 40s | tick*2 HEALTHY >Held | Held`},
		{name: "an incident opened for a breach that is over opens nothing", script: proven + `
			45s | ticks good 45s | tick*2 HEALTHY tick | Watching
			45s | incident i1    | - | Watching`},
		{name: "a breach that was measured late is not acted on", script: settled + `
			5m   | ticks bad 60s | tick INSUFFICIENT tick*11 | Watching
			5m   | incident i1   | REGRESSED >Regressed | Regressed`},
		{name: "proven bad at the very end, but measured late", reason: "only observes", script: settled + `
			20m   | ticks bad 180s | tick INSUFFICIENT tick*29 | Watching open-incident
			20m   | incident i1    | REGRESSED >Regressed refusal=observe >Held | Held`},
		{name: "proven bad at the very end and acted on after it", edit: func(w *Watch) { w.Policy.Stages[2].Mode = Automatic }, script: settled + `
			20m    | ticks bad 180s | tick INSUFFICIENT tick*29 | Watching open-incident
			20m    | incident i1    | REGRESSED >Regressed      | Regressed
			20m    | ticks bad 1195s | tick*60                  | Regressed
			20m1s  | ticks bad 1195s | tick*41                  | Regressed plan`},
		{name: "a backlog after an outage whose newest tick is good", script: settled + `
			90s | ticks bad 60s  | tick INSUFFICIENT tick*11    | Watching
			91s | ticks good 90s | tick*2 HEALTHY tick*4 | Watching`},
		{name: "a breach that goes on after a gap in the data is proven anew, and then acted on", script: decided + `
			55s | ticks none 50s | tick INSUFFICIENT tick*2 NO_DATA tick | Regressed
			60s | ticks bad 55s  | tick INSUFFICIENT | Regressed
			80s | ticks bad 75s  | tick*4 | Regressed
			85s | ticks bad 80s  | tick | Regressed plan`},
		{name: "a breach that never gets proven anew after a gap is left to a person", reason: "could not be acted on within 2m0s", script: decided + `
			55s  | ticks none 50s | tick INSUFFICIENT tick*2 NO_DATA tick | Regressed
			60s  | ticks bad 55s  | tick INSUFFICIENT | Regressed
			156s | clock          | >Held             | Held`},
		{name: "data that stops keeps a proven release from being acted on", script: decided + `
			55s | ticks none 45s | tick INSUFFICIENT tick*2 NO_DATA | Regressed
			56s | plan v2        | -                       | Regressed`},

		{name: "an intent is trusted for 30 s, then looked up, then waits for a fresh tick in breach", script: intended + `
			66s  | clock         | -      | RollingBack apply
			67s  | clock         | -      | RollingBack check-landed
			68s  | notlanded     | -      | RollingBack
			70s  | ticks bad 65s | tick*7 | RollingBack apply`},
		{name: "a tick from before the intent does not renew it", edit: func(w *Watch) {
			w.Policy.Stages[0].Until, w.Policy.Stages[0].Interval = 2*time.Minute, 30*time.Second
		}, script: settled + `
			66s | ticks bad 60s | tick INSUFFICIENT tick   | Watching open-incident
			66s | incident i1   | REGRESSED >Regressed     | Regressed plan
			66s | plan v2       | plan intent >RollingBack | RollingBack apply
			97s | clock         | -                        | RollingBack check-landed
			98s | notlanded     | -                        | RollingBack
			99s | ticks bad 90s | tick                     | RollingBack apply`},
		{name: "an intent is given up when the breach is over", reason: "over before it could be carried out", script: intended + `
			67s  | clock           | -    | RollingBack check-landed
			68s  | notlanded       | -    | RollingBack
			70s  | ticks good 65s  | tick*2 HEALTHY tick*2 outcome=failed HEALTHY >Held | Held`},
		{name: "an intent is not given up while its breach has to be proven anew", script: intended + `
			67s | clock           | -      | RollingBack check-landed
			68s | notlanded       | -      | RollingBack
			70s | ticks none 65s  | tick INSUFFICIENT tick*2 NO_DATA tick*4 | RollingBack
			75s | ticks bad 70s   | tick INSUFFICIENT | RollingBack
			95s | ticks bad 95s   | tick*5            | RollingBack apply`},
		{name: "an intent is not given up while its patch may have landed", script: intended + `
			67s | notlanded      | -      | RollingBack
			70s | ticks bad 65s  | tick*7 | RollingBack apply
			72s | unsure         | -      | RollingBack check-landed
			90s | ticks good 85s | tick*2 HEALTHY tick*2 | RollingBack check-landed
			91s | applied landed | outcome=landed >Verifying | Verifying`},
		{name: "an intent is not given up on missing data", script: intended + `
			67s | notlanded      | -      | RollingBack
			70s | ticks none 65s | tick INSUFFICIENT tick*2 NO_DATA tick*4 | RollingBack`},
		{name: "an intent that cannot be carried out ends", reason: "could not be carried out within 2m0s", script: intended + `
			67s  | notlanded | -                    | RollingBack
			156s | clock     | -                    | RollingBack
			157s | clock     | outcome=failed >Held | Held`},
		{name: "an intent that cannot be looked up waits", script: intended + `
			2h | clock | - | RollingBack check-landed`},
		{name: "somebody changed the workload first", script: intended + `
			37s | applied superseded | outcome=superseded >Superseded | Superseded`},
		{name: "the cluster refuses", script: intended + `
			37s | applied failed | outcome=failed >Failed | Failed`},
		{name: "the plan of the intent no longer holds", reason: "not rolled back: said the planner", script: intended + `
			37s | withdrawn target-not-ready | refusal=target-not-ready outcome=failed >Held | Held`},
		{name: "the intent is not needed any more", reason: "said the planner", script: intended + `
			37s | withdrawn target-is-live | refusal=target-is-live outcome=superseded >Superseded | Superseded`},
		{name: "a newer watch does not end a rollback under way, nor keep the time from passing", script: intended + `
			37s  | superseded v3 | -                    | RollingBack apply
			67s  | notlanded     | -                    | RollingBack
			157s | superseded v3 | outcome=failed >Held | Held`},

		{name: "recovered", reason: "the rollback helped", script: restored + `
			70s  | ticks good 65s | tick HEALTHY tick*3 HEALTHY >RolledBack | RolledBack`},
		{name: "the rollout must be complete first", script: landed + `
			38s | see v1 rolling | -       | Verifying
			45s | see v1         | rollout | Verifying`},
		{name: "not recovered", reason: "failed for", script: restored + `
			75s  | ticks bad 70s | tick INSUFFICIENT tick*4 | Verifying
			80s  | ticks bad 75s | tick REGRESSED >NotRecovered | NotRecovered`},
		{name: "still bad at the deadline", script: restored + `
			160s | ticks none 155s | tick INSUFFICIENT tick*2 NO_DATA tick*19 | Verifying
			170s | ticks bad 165s  | tick INSUFFICIENT tick INSUFFICIENT >NotRecovered | NotRecovered`},
		{name: "no data to tell", reason: "could not be told within 2m0s", script: restored + `
			175s | ticks none 165s | tick INSUFFICIENT tick*2 NO_DATA tick*21 NO_DATA >RolledBackUnverified | RolledBackUnverified`},
		{name: "no answer to tell by", reason: "Prometheus gave no answer", script: restored + `
			180s | clock | -                     | Verifying
			181s | clock | >RolledBackUnverified | RolledBackUnverified`},
		{name: "the rollout never completes", reason: "not complete after 2m0s", script: landed + `
			157s | see v1 rolling | - | Verifying
			158s | see v1 rolling | >NotRecovered | NotRecovered`},
		{name: "the rollout never completes, and the kubelet says why", script: landed + `
			157s | see v1 stuck | -             | Verifying
			158s | see v1 stuck | >NotRecovered | NotRecovered`,
			reason: `not complete after 2m0s: pod checkout-v1-a cannot start: configmap "conf" not found`},
		{name: "changed while it is verified", reason: "changed again", script: restored + `
			46s | see v3 | >RolledBackUnverified | RolledBackUnverified`},
		{name: "made again while it is verified", reason: "made again", script: landed + `
			46s | see v1 recreated | >RolledBackUnverified | RolledBackUnverified`},
		{name: "deleted while it is verified", reason: "deleted", script: landed + `
			46s | gone 60s | >RolledBackUnverified | RolledBackUnverified`},
		{name: "a newer watch while it is verified", reason: "v3 was deployed", script: landed + `
			46s | superseded v3 | >RolledBackUnverified | RolledBackUnverified`},
		{name: "the check may take longer than the watch", edit: func(w *Watch) { w.Policy.Verify.Deadline = 10 * time.Minute }, script: restored + `
			290s | ticks none 285s | tick INSUFFICIENT tick*2 NO_DATA tick*33 | Verifying
			315s | ticks good 305s | tick HEALTHY tick HEALTHY >RolledBack | RolledBack`},

		{name: "ticks that were seen, or are of the other phase", script: settled + `
			20s | ticks good 15s         | tick HEALTHY tick*2 | Watching
			21s | tick watch bad 15s     | -                   | Watching
			22s | tick watch bad 10s     | -                   | Watching
			23s | tick verify bad 20s    | -                   | Watching`},
		{name: "late ticks of the release do not count against the known-good version", script: restored + `
			50s | tick watch bad 45s  | - | Verifying
			55s | tick verify bad 45s | - | Verifying`},
		{name: "results that nobody waits for", script: settled + `
			5s | applied landed | - | Watching
			6s | notlanded      | - | Watching
			7s | plan v2        | - | Watching
			8s | withdrawn target-missing | - | Watching
			8s | unsure         | - | Watching`},
		{name: "a deployment that is only recorded ends at once", reason: "too old",
			edit: func(w *Watch) { w.Unwatched, w.Policy = "not watched: too old", Policy{} }, script: `
			0s | clock | >Inconclusive | Inconclusive`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStory(t)
			if tc.edit != nil {
				s = newStory(t, tc.edit)
			}
			s.play(tc.script)
			require.Contains(t, s.watch.Reason, tc.reason)
		})
	}
}

// A process that was killed between the entries of one step must end where the step would have ended.
func TestHalfAStepIsFinished(t *testing.T) {
	for name, tc := range map[string]struct {
		script, lost string
		then         string
	}{
		"the last tick, and not the end": {
			script: settled + `190s | ticks good 180s | tick HEALTHY tick*29 HEALTHY >Healthy | Healthy`, lost: ">Healthy",
			then: `191s | clock | >Healthy | Healthy`},
		"Regressed, and not Held": {
			script: proven + `35s | incident i1 | REGRESSED >Regressed refusal=observe >Held | Held`, lost: "refusal=observe >Held",
			then: `36s | clock | refusal=observe >Held | Held`},
		"the outcome, and not the state": {
			script: landed, lost: ">Verifying",
			then: `50s | clock | >Verifying | Verifying`},
		"the refusal of the cluster, and not the state": {
			script: intended + `37s | applied failed | outcome=failed >Failed | Failed`, lost: ">Failed",
			then: `50s | clock | >Failed | Failed`},
		"the outcome of a plan that no longer held, and not the state": {
			script: intended + `37s | withdrawn target-missing | refusal=target-missing outcome=failed >Held | Held`, lost: ">Held",
			then: `50s | clock | >Held | Held`},
		"the tick that ends the check, and not the end": {
			script: restored + `70s | ticks good 65s | tick HEALTHY tick*3 HEALTHY >RolledBack | RolledBack`, lost: ">RolledBack",
			then: `71s | clock | >RolledBack | RolledBack`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, func(w *Watch) {
				if strings.Contains(tc.script, "refusal=observe") {
					w.Policy.Stages[0].Mode = Observe
				}
			})
			s.play(tc.script)
			lost := len(strings.Fields(tc.lost))
			require.Equal(t, tc.lost, summary(s.journal[len(s.journal)-lost:]))
			s.killed(lost)
			s.play(tc.then)
		})
	}
}

// Sixty ticks that come at once after an outage are judged by the newest of them.
func TestABreachThatIsOverIsNotActedOn(t *testing.T) {
	s := newStory(t)
	s.play(settled)
	var ticks []analyzer.Tick
	for i, span := range s.watch.due(start.Add(200 * time.Second)) {
		kind := "bad"
		if i > 20 {
			kind = "good"
		}
		ticks = append(ticks, tickOf(kind, span.From, span.At))
	}
	s.feed(measured{phase: incident.PhaseWatch, ticks: ticks}, start.Add(200*time.Second))
	require.Equal(t, Healthy, s.watch.State)
}

func TestTheTableOfStates(t *testing.T) {
	final := []State{Healthy, Inconclusive, Superseded, RolledBack, RolledBackUnverified, NotRecovered, Held, Failed}
	for _, s := range final {
		require.True(t, s.Final(), s)
	}
	for from, to := range transitions() {
		require.False(t, from.Final(), from)
		for _, s := range to {
			_, open := transitions()[s]
			require.True(t, open || s.Final(), "%s -> %s", from, s)
			require.NotEqual(t, from, s)
		}
	}
}

// An intent of the process before is looked up at once, however young it is, and waits for a tick newer than itself:
// the breach may have been over while no process ran.
func TestAnIntentOfTheProcessBeforeIsJudgedAnew(t *testing.T) {
	for name, then := range map[string]string{
		"bad still": `
			41s | clock          | -      | RollingBack check-landed
			41s | notlanded      | -      | RollingBack
			41s | ticks bad 35s  | tick   | RollingBack
			45s | ticks bad 40s  | tick   | RollingBack apply`,
		"over": `
			41s | clock          | -      | RollingBack check-landed
			41s | notlanded      | -      | RollingBack
			50s | ticks good 45s | tick*2 HEALTHY outcome=failed >Held | Held`,
		"landed": `
			41s | clock          | -                         | RollingBack check-landed
			41s | applied landed | outcome=landed >Verifying | Verifying`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.play(intended)
			s.killed(0)
			s.watch.resumed = start.Add(40 * time.Second)
			s.restarted.resumed = s.watch.resumed
			s.play(then)
		})
	}
}
