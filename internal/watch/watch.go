// Package watch follows each deployment from its event to its end: the one place that knows analyzer, rollback and
// notifier.
//
// A watch is the fold of its journal. Next is pure: from a watch, an input and the time it derives the entries to
// append and the one effect that is wanted next; fold applies the entries. The actor of each watch appends first and
// acts second, so that a process killed at any instruction finds, when it reads the journal again, the same watch
// wanting the same effect.
package watch

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// recordFormat is the version of the stored form of a watch.
const recordFormat = 1

// Watch is one deployment under observation. The exported fields are stored in the KV bucket; of a watch that is
// not final they are folded anew from the journal after a restart, but for those that acceptance fixes.
type Watch struct {
	Format int    `json:"format"`
	Key    string `json:"key"`

	// Fixed at acceptance.
	Subject    string          `json:"subject"`
	StreamSeq  uint64          `json:"streamSeq"`
	Document   json.RawMessage `json:"document"`
	Event      event.Event     `json:"event"`
	Policy     Policy          `json:"policy"`
	AcceptedAt time.Time       `json:"acceptedAt"`
	// LogName is the name of the deployment's log file.
	LogName string `json:"logName,omitempty"`
	// Order is set if the watch was begun by a person who asks for a rollback, and not by an event.
	Order *Order `json:"order,omitempty"`
	// Unwatched says why the deployment is recorded only, empty if it is watched.
	Unwatched string `json:"unwatched,omitempty"`

	// Unannounced is set if nobody announced the deployment, and Event was made up for it.
	Unannounced bool `json:"unannounced,omitempty"`

	// Folded from the journal.
	State     State                        `json:"state"`
	Reason    string                       `json:"reason,omitempty"`
	Since     time.Time                    `json:"since"`
	Pin       *rollback.Pin                `json:"pin,omitempty"`
	Baselines map[string]analyzer.Baseline `json:"baselines,omitempty"`
	Incident  string                       `json:"incident,omitempty"`
	// PassedActive is set when the first stage ended with a healthy verdict on enough data.
	PassedActive bool `json:"passedActive,omitempty"`
	// Steps are those of a canary that were announced since its watch began.
	Steps []Step `json:"steps,omitempty"`
	// Look is the number of the present look at a canary if it is not the first one, and LookAt when it began.
	Look   int       `json:"look,omitempty"`
	LookAt time.Time `json:"lookAt,omitzero"`
	// CompletedAt is when the deployment's rollout was complete.
	CompletedAt time.Time `json:"completedAt,omitzero"`
	// LandedAt is when the rollback was patched in.
	LandedAt time.Time `json:"landedAt,omitzero"`
	// Orders are the IDs of the requests by which people ordered this watch to roll back.
	Orders []string `json:"orders,omitempty"`
	// ByPerson says that a person ordered or approved the rollback.
	ByPerson bool `json:"byPerson,omitempty"`
	// OwnerHold is how far the holding of others who write the workload has got; empty if none was needed.
	OwnerHold incident.HoldPhase `json:"ownerHold,omitempty"`
	// CameBack is set once the release was seen again after it had been rolled back.
	CameBack *incident.CameBack `json:"cameBack,omitempty"`
	// MigratedAt is when the database had been taken back.
	MigratedAt time.Time `json:"migratedAt,omitzero"`
	// Pause is how the rollout was stopped on suspicion; nil if it was not. A watch stops its rollout once at most.
	Pause *RolloutPause `json:"pause,omitempty"`
	// Rendered is set once the files of a final watch are written.
	Rendered bool `json:"rendered,omitempty"`

	fold
}

// fold is what judging and acting remember; it is never stored, because the journal holds it.
type fold struct {
	judge     analyzer.State
	judgement analyzer.Judgement
	lastTick  time.Time
	known     map[string]bool
	// judgedAt and checkedAt are the ticks up to which the journal holds a judgement: of the release, and of whether its rollback helped.
	judgedAt, checkedAt time.Time
	// deciding is the judgement that the rollback was decided on.
	deciding *incident.Verdict
	// excused is set once a breach was found not to be the release's doing.
	excused bool

	// toldComplete is when the second event of a pair was taken over; zero if there was none.
	toldComplete time.Time
	// regressedAt is when the release was first found to be bad, or a rollback ordered.
	regressedAt time.Time

	intent   *incident.Intent
	intentAt time.Time
	outcome  *incident.Outcome
	refusal  *rollback.Refusal
	// ordered is the person's order to roll back, approved the approval of a rollback that waited for one.
	ordered, approved *Order
	// word is the newest thing that a person asked for.
	word *word
	// migration is how far the down-migration of the intent is, since migrationAt; nil until its Job is known of.
	migration   *incident.Migration
	migrationAt time.Time
	// lookedUp is set when an intent that is no longer trusted was looked up in the cluster and is not there. It is
	// not journalled: after a restart the intent is looked up again.
	lookedUp bool
	// pauseRefused is the tick on which it was last found that the rollout cannot be stopped, and resumeTried when it last could
	// not be let go on. Neither is journalled: a new process asks again.
	pauseRefused, resumeTried time.Time
	// hindrance is why the newest effect could not be performed, empty if it could. It is not journalled: a new process tries again.
	hindrance string
	// blind is why the workload could not be seen when it was last looked at, empty if it could. It is not journalled either.
	blind string
	// resumed is when the present process took up the watch. It is not journalled either.
	resumed time.Time

	// scale is the scaling up of the old colour that was begun; a watch begins one at most.
	scale *scaleUp
	// stuck is why pods of the restored version cannot start, as the cluster last showed it. It is not journalled: a new
	// process looks again.
	stuck string

	// brief says that this is an epitome, which must not take the place of what is stored.
	brief bool

	restoredRollout time.Time
	verifyJudge     analyzer.State
	recovery        analyzer.Judgement
	lastVerify      time.Time
	recoveredSince  time.Time
}

// apply folds one entry into the watch.
func (w Watch) apply(e incident.Entry) Watch {
	switch e.Kind {
	case incident.KindPinned:
		w.Pin = e.Pinned
	case incident.KindBaseline:
		w.Baselines = make(map[string]analyzer.Baseline, len(e.Baseline))
		for _, b := range e.Baseline {
			w.Baselines[b.Signal] = b
		}
	case incident.KindTick:
		w = w.applyTick(*e.Tick)
	case incident.KindVerdict:
		if e.Verdict.Verdict == analyzer.Regressed && e.Verdict.Phase == incident.PhaseWatch {
			w.deciding = e.Verdict
		}
		w.excused = w.excused || excuses(e.Verdict)
		w = w.applyVerdict(*e.Verdict)
	case incident.KindState:
		w.State, w.Reason, w.Since = State(e.State.To), e.State.Reason, e.At
		if w.State == Regressed && w.regressedAt.IsZero() {
			w.regressedAt = e.At
		}
		if e.State.Incident != "" {
			w.Incident = e.State.Incident
		}
	case incident.KindIntent:
		w.intent, w.intentAt, w.migration, w.ByPerson = e.Intent, e.At, nil, w.leave() != nil
	case incident.KindMigration:
		w = w.applyMigration(e)
	case incident.KindRefusal:
		w.refusal = e.Refusal
	case incident.KindOutcome:
		w.outcome = e.Outcome
		if e.Outcome.Result == rollback.Landed {
			w.LandedAt = e.At
		}
	case incident.KindRollout:
		w = w.applyRollout(*e.Rollout)
	case incident.KindUpdated:
		w = w.applyUpdate(e)
	case incident.KindControl:
		w = w.applyControl(e)
	case incident.KindScale:
		w.scale = &scaleUp{plan: *e.Scale, at: e.At}
	case incident.KindScaled:
		w = w.applyScaled(*e.Scaled)
	case incident.KindCameBack:
		w.CameBack = e.CameBack
	case incident.KindStep:
		w = w.applyStep(e)
	}
	return w.applyHold(e).applyPause(e)
}

func (w Watch) applyTick(t incident.Tick) Watch {
	if t.Phase == incident.PhaseVerify {
		return w.applyVerifyTick(t.Tick)
	}
	w.judge, w.judgement = analyzer.Step(w.policyNow().Rules(), w.Baselines, w.judge, t.Tick)
	passed := w.Pin != nil && w.policyNow().EndsActive(w.begin(), w.lastTick, t.At)
	if passed && w.judgement.Verdict == analyzer.Healthy {
		w.PassedActive = true
	}
	w.lastTick = t.At
	w.known = WithPods(w.known, t.Tick)
	return w
}

func (w Watch) applyVerifyTick(t analyzer.Tick) Watch {
	w.verifyJudge, w.recovery = analyzer.Step(w.Policy.verifyRules(), w.Baselines, w.verifyJudge, t)
	w.lastVerify = t.At
	switch {
	case !w.recovered():
		w.recoveredSince = time.Time{}
	case w.recoveredSince.IsZero():
		w.recoveredSince = t.From
	}
	return w
}

// recovered reports whether every signal was measured in the newest verifying tick and was within its limit.
func (w Watch) recovered() bool {
	measured := 0
	for _, a := range w.recovery.Signals {
		switch {
		case a.Kind == analyzer.KindRollout: // the rollout itself was waited for
		case a.Outcome != analyzer.OutcomeOK || a.Counts.N == 0 && a.Kind != analyzer.KindBusiness:
			return false
		default:
			measured++
		}
	}
	return measured > 0
}

func (w Watch) applyRollout(r incident.RolloutProgress) Watch {
	if !r.Done {
		return w
	}
	if r.Phase == incident.PhaseVerify {
		w.restoredRollout = r.CompletedAt
	} else {
		w.CompletedAt = r.CompletedAt
	}
	return w
}

// applyUpdate takes over the second event of a pair. It was decoded when it was accepted, so that an error here
// means a damaged journal; the first event then stays.
func (w Watch) applyUpdate(entry incident.Entry) Watch {
	a := entry.Updated
	if e, err := event.Decode(a.Subject, a.Event); err == nil {
		w.Event, w.Document, w.toldComplete = e, a.Event, entry.At
	}
	return w
}

// WithPods returns known together with the pods of a tick, without changing known.
func WithPods(known map[string]bool, t analyzer.Tick) map[string]bool {
	out := known
	for _, m := range t.Signals {
		for pod := range m.Pods {
			if out[pod] {
				continue
			}
			if len(out) == len(known) {
				out = maps.Clone(known)
				if out == nil {
					out = map[string]bool{}
				}
			}
			out[pod] = true
		}
	}
	return out
}

// epitome is what is kept in memory of a watch that has ended: enough to list it, to know its event again, and to
// tell later watches of its workload. The store has all of it.
func (w Watch) epitome() Watch {
	w.Baselines = nil
	w.Policy = Policy{Name: w.Policy.Name}
	w.fold = fold{judgement: w.judgement, lastTick: w.lastTick, recovery: w.recovery, lastVerify: w.lastVerify, brief: true}
	return w
}

// past is what later watches of the same workload need to know of this one.
func (w Watch) past() rollback.PastWatch {
	p := rollback.PastWatch{
		Passed:       w.PassedActive && !w.bad() && !w.Event.Drill,
		Drill:        w.Event.Drill,
		Bad:          w.bad(),
		SchemaChange: w.Event.SchemaChange && !w.tookSchemaBack(),
		Superseded:   w.State == Superseded,
		RolledBackAt: w.LandedAt,
	}
	if w.State.Final() {
		p.Ended = w.Since
	}
	if w.Pin != nil {
		p.Hash, p.Template, p.T0 = w.Pin.Release.Hash, w.Pin.Release.Template, w.Pin.T0
		p.Target, p.Why = w.Pin.Target, w.Pin.Why
		if c := w.Pin.Canary; c != nil { // what serves beside a canary is no version of its own
			p.Target, p.Why, p.Looks = c.Earlier, c.Why, w.look()
		}
	}
	return p
}

// bad reports whether the release was proven bad, whatever was done about it.
func (w Watch) bad() bool {
	switch w.State {
	case Regressed, AwaitingApproval, RollingBack, Verifying, RolledBack, RolledBackUnverified, NotRecovered, Held, Failed:
		return true
	}
	return w.Incident != ""
}
