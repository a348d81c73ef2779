package watch

import (
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// View is a watch as programs see it; it is the body of /api/v1/watches.
type View struct {
	ID          string `json:"id"`
	EventID     string `json:"eventId,omitempty"`
	Environment string `json:"environment"`
	Namespace   string `json:"namespace"`
	Workload    string `json:"workload"`
	// Kind is that of the Deployment, StatefulSet or DaemonSet that carries the release.
	Kind    string `json:"kind"`
	Version string `json:"version"`
	Policy  string `json:"policy"`
	// Unannounced says that nobody announced the deployment; it was seen in the cluster.
	Unannounced bool `json:"unannounced,omitempty"`
	// Drill says that the version is bad on purpose.
	Drill bool `json:"drill,omitempty"`
	// Canary is the Deployment that carries the canary's pods, Step how many per cent of the service it was last said to be.
	Canary     string    `json:"canary,omitempty"`
	Step       int       `json:"step,omitempty"`
	State      State     `json:"state"`
	Final      bool      `json:"final"`
	Reason     string    `json:"reason"`
	AcceptedAt time.Time `json:"acceptedAt"`
	Since      time.Time `json:"since"`
	// T0 is when the deployment started, Target the version that a rollback would return to.
	T0       time.Time `json:"t0,omitzero"`
	Target   string    `json:"target,omitempty"`
	NoTarget string    `json:"noTarget,omitempty"`
	Incident string    `json:"incident,omitempty"`
	LandedAt time.Time `json:"landedAt,omitzero"`
	// OwnerHold is how far those are held, or let go, who would undo the rollback; CameBack says by whom the release was put
	// back after it.
	OwnerHold incident.HoldPhase `json:"ownerHold,omitempty"`
	CameBack  string             `json:"cameBack,omitempty"`
	// LastTick and Signals are the newest judgement: of the release while it is watched, and of the known-good version
	// once it is back.
	LastTick time.Time             `json:"lastTick,omitzero"`
	Verdict  analyzer.Verdict      `json:"verdict,omitempty"`
	Signals  []analyzer.Assessment `json:"signals,omitempty"`
}

// View returns the watch as programs see it.
func (w Watch) View() View {
	v := View{
		ID: w.Key, EventID: w.Event.ID,
		Environment: w.Event.Environment, Namespace: w.Event.Namespace, Workload: w.Event.Workload, Kind: w.workload().Kind.String(), Version: w.Event.Version,
		Policy: w.Policy.Name, Unannounced: w.Unannounced, Drill: w.Event.Drill, State: w.State, Final: w.State.Final(), Reason: w.Reason,
		AcceptedAt: w.AcceptedAt, Since: w.Since, Incident: w.Incident, LandedAt: w.LandedAt, OwnerHold: w.OwnerHold,
		LastTick: w.lastTick, Verdict: w.judgement.Verdict, Signals: w.judgement.Signals,
	}
	if w.CameBack != nil {
		v.CameBack = w.CameBack.String()
	}
	if w.canary() != nil {
		v.Canary, v.Step = w.Event.Canary, w.percent()
	}
	if w.Pin != nil {
		v.T0, v.NoTarget = w.Pin.T0, w.Pin.NoTarget
		if w.Pin.Target != nil {
			v.Target = w.Pin.Target.Version
		}
	}
	if !w.lastVerify.IsZero() {
		v.LastTick, v.Verdict, v.Signals = w.lastVerify, w.recovery.Verdict, w.recovery.Signals
	}
	return v
}
