package watch

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/freeze"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file says what speaks against a deployment. It is pure: preflightask.go gathers what it goes by.

// outlook is what is known before a deployment, at a time.
type outlook struct {
	now time.Time
	// event says of the release what its publisher will.
	event event.Event
	// policy is nil if none covers the workload; rejected says that one was named which does not.
	policy   *Policy
	rejected *event.Rejection
	// live is nil if the workload could not be read, and unread says why.
	live   *rollback.Snapshot
	unread error
	freeze *freeze.Period
	hold   *Hold
	// open are the watches of the workload that have not ended, the newest first; bad is the newest that ended badly, nil if none did.
	open []Watch
	bad  *Watch
	// spent says that no budget has room for another rollback; nil if there is some.
	spent *rollback.Refusal
	// way is how a bad release would be taken back; nil where that was not asked.
	way *wayBack
	// samples are what Prometheus has of each metric signal; asked says that it was asked.
	samples []counted
	asked   bool
}

// wayBack is what a rollback of the release would go back to, and what speaks against that.
type wayBack struct {
	pin     rollback.Pin
	refusal *rollback.Refusal
	// err says that it could not be told.
	err error
}

// counted is what Prometheus has of one signal.
type counted struct {
	signal string
	// n is how many requests, events or numbers were counted; problem says why none could be.
	n       uint64
	problem error
}

// checks is the verdict: one line for each thing that was looked at. What could not be looked at for lack of another has none.
func (o outlook) checks() []control.Check {
	all := []control.Check{o.ofPolicy(), o.ofWorkload(), o.ofFreeze(), o.ofHold(), o.ofOpen()}
	if o.policy != nil {
		all = append(all, o.ofBad(), o.ofBudget())
	}
	if o.way != nil {
		all = append(all, o.ofWay())
	}
	if o.asked {
		all = append(all, o.ofSamples())
	}
	return all
}

func fine(check, format string, args ...any) control.Check {
	return control.Check{Check: check, Result: control.ResultOK, Message: fmt.Sprintf(format, args...)}
}

func (o outlook) name() string { return o.event.Namespace + "/" + o.event.Workload }

func (o outlook) workload() string {
	return fmt.Sprintf("%s %s", Watch{Event: o.event}.workload().Kind, o.name())
}

// kubectl names the workload as kubectl does.
func (o outlook) kubectl() string {
	return fmt.Sprintf("%s/%s -n %s", strings.ToLower(Watch{Event: o.event}.workload().Kind.String()), o.event.Workload, o.event.Namespace)
}

func (o outlook) ofPolicy() control.Check {
	c := control.Check{Check: "policy", Result: control.ResultStop}
	switch {
	case o.rejected != nil:
		c.Message, c.Fix = o.rejected.Reason, o.rejected.Fix
	case o.policy == nil:
		c.Message = fmt.Sprintf("no policy covers %s in %s, so that nobody would watch the release", o.name(), o.event.Environment)
		c.Fix = "add a policy to rollbackd's configuration whose match includes it"
	default:
		var stages []string
		for _, s := range o.policy.Stages {
			stages = append(stages, fmt.Sprintf("%s (until %s) %s", s.Name, s.Until, s.Mode))
		}
		c = fine("policy", "policy %q covers it; mode of each stage: %s", o.policy.Name, strings.Join(stages, ", "))
		if o.policy.Overruled {
			c.Message += "; rollbackd was started with --observe"
		}
	}
	return c
}

func (o outlook) ofWorkload() control.Check {
	c := control.Check{Check: "workload", Result: control.ResultWarn}
	if errors.Is(o.unread, rollback.ErrNotFound) {
		c.Message = fmt.Sprintf("the cluster has no %s; a first deployment has nothing to go back to", o.workload())
		c.Fix = "nothing, if this is the first deployment; else check the name and --kind, and that rollbackd watches the cluster that you deploy to"
		return c
	}
	if o.unread != nil {
		c.Message = fmt.Sprintf("%s cannot be read now: %v", o.workload(), o.unread)
		c.Fix = "see that the API server answers, and what rollbackctl doctor --permissions says"
		return c
	}
	message, done, err := rollback.RolloutStatus(*o.live)
	c.Result = control.ResultStop
	switch {
	case o.live.Deleting:
		c.Message, c.Fix = o.workload()+" is being deleted", "wait until it is gone, and see why its finalizers stay"
	case o.live.Paused:
		c.Message, c.Fix = o.workload()+" is paused, so that a new version would not roll out", "kubectl rollout resume "+o.kubectl()
		if o.live.OwnPause != nil {
			c.Message += "; rollbackd paused it, because its version is suspected"
			c.Fix = "wait for what becomes of the watch: rollbackctl list " + o.name()
		}
	case err != nil || !done:
		c.Message = fmt.Sprintf("the last rollout of %s is not complete: %s", o.workload(), either(message, err))
		c.Fix = fmt.Sprintf("wait for kubectl rollout status %s; if it is what you repair, --hotfix makes this a warning", o.kubectl())
		if o.event.Hotfix {
			c.Result = control.ResultWarn
		}
	default:
		c = fine("workload", "%s runs %s; %s", o.workload(), cmp.Or(o.live.Version(), "a version without a name"), message)
	}
	return c
}

func (o outlook) ofFreeze() control.Check {
	switch {
	case o.freeze == nil:
		return fine("freeze", "there is no freeze now")
	case o.event.Hotfix:
		return fine("freeze", "the freeze %q lasts until %s, and a hotfix is exempt from it", o.freeze.Name, clockTime(o.freeze.Until))
	}
	return control.Check{
		Check: "freeze", Result: control.ResultStop,
		Message: fmt.Sprintf("nothing is to be deployed during the freeze %q, which lasts until %s", o.freeze.Name, clockTime(o.freeze.Until)),
		Fix:     "deploy after that; a hotfix is exempt, by --hotfix here and in its event",
	}
}

func (o outlook) ofHold() control.Check {
	if o.hold == nil {
		return fine("hold", "nobody holds %s", o.name())
	}
	return control.Check{
		Check: "hold", Result: control.ResultWarn,
		Message: fmt.Sprintf("nothing is rolled back automatically until %s: %s", clockTime(o.hold.Until), saying(o.hold.By, "holds the workload", o.hold.Reason)),
		Fix:     fmt.Sprintf("to let go of it: rollbackctl hold %s --env %s --release", o.name(), o.event.Environment),
	}
}

// ofOpen tells of one open watch: one that is dealing with a bad release before all others, and else the newest.
func (o outlook) ofOpen() control.Check {
	if len(o.open) == 0 {
		return fine("watch", "no release of %s is being watched", o.name())
	}
	w := o.open[0]
	if i := slices.IndexFunc(o.open, Watch.dealing); i >= 0 {
		w = o.open[i]
	}
	c := control.Check{Check: "watch", Result: control.ResultWarn}
	switch {
	case w.State == AwaitingApproval:
		c.Message = fmt.Sprintf("%s was proven bad, and its rollback waits for a person (%s)", w.name(), w.Reason)
		c.Fix = fmt.Sprintf("decide first: rollbackctl approve %s, or rollbackctl deny %s", w.Key, w.Key)
	case w.dealing():
		c.Message = fmt.Sprintf("%s was proven bad, and its watch is %s (%s)", w.name(), w.State, w.Reason)
		c.Fix = "wait until that has ended: rollbackctl follow " + w.Key
	case w.Pin == nil:
		c.Message = fmt.Sprintf("%s was announced at %s and is not live yet (%s)", w.name(), clockTime(w.AcceptedAt), w.State)
		c.Fix = fmt.Sprintf("wait for it, or end its watch: rollbackctl abort %s", w.Key)
	default:
		c.Message = fmt.Sprintf("%s is being watched (%s) since %s until %s; another release ends that", w.name(), w.State,
			clockTime(w.Pin.T0), clockTime(w.Pin.T0.Add(w.Policy.End())))
		c.Fix = "to let it pass first, wait: rollbackctl follow " + w.Key
	}
	if w.dealing() {
		c.Result = control.ResultStop
	}
	return c
}

// dealing reports whether a bad release is being dealt with, which another release would disturb.
func (w Watch) dealing() bool {
	switch w.State {
	case Regressed, RollingBack, Verifying, AwaitingApproval:
		return true
	}
	return false
}

// endedBadly reports whether the watch ended with a rollback, or with one that failed.
func (w Watch) endedBadly() bool {
	switch w.State {
	case RolledBack, RolledBackUnverified, NotRecovered, Failed:
		return true
	}
	return false
}

func (o outlook) ofBad() control.Check {
	coolDown := o.policy.CoolDown
	if o.bad == nil || o.now.Sub(o.bad.Since) >= coolDown {
		return fine("cool-down", "no rollback of it ended within the cool-down of %s", coolDown)
	}
	w := *o.bad
	c := control.Check{Check: "cool-down", Result: control.ResultWarn,
		Message: fmt.Sprintf("the watch of %s ended as %s at %s", w.name(), w.State, clockTime(w.Since)),
		Fix:     "see that this release is another one"}
	if w.Incident != "" {
		c.Message += ", " + w.Incident
		c.Fix = fmt.Sprintf("read what broke: rollbackctl incident %s --env %s --namespace %s", w.Incident, o.event.Environment, o.event.Namespace)
	}
	if until := w.LandedAt.Add(coolDown); o.now.Before(until) && !w.LandedAt.IsZero() {
		c.Message += fmt.Sprintf("; until %s the next rollback needs a person", clockTime(until))
	}
	return c
}

func (o outlook) ofBudget() control.Check {
	if o.spent == nil {
		return fine("budget", "the budgets have room for an automatic rollback")
	}
	return control.Check{Check: "budget", Result: control.ResultWarn, Message: o.spent.Reason,
		Fix: "have somebody at hand who can approve a rollback until then"}
}

func (o outlook) ofWay() control.Check {
	c := control.Check{Check: "known-good", Result: control.ResultWarn}
	switch {
	case o.way.err != nil:
		c.Message, c.Fix = fmt.Sprintf("it could not be told what a rollback would go back to: %v", o.way.err), "ask again"
	case o.way.refusal != nil:
		c.Message = "a bad release could not be rolled back: " + o.way.refusal.Reason
		c.Fix = fmt.Sprintf("docs/refusals.md tells what to do about %s", o.way.refusal.Code)
		if steps := inWords(o.way.refusal.Advice); len(steps) > 0 {
			c.Fix = strings.Join(steps, "; ")
		}
	default:
		c = fine("known-good", "a rollback would go back to a version that is known to be good: %s", o.way.pin.Why)
	}
	return c
}

func (o outlook) ofSamples() control.Check {
	var told, missing []string
	for _, s := range o.samples {
		switch {
		case s.problem != nil:
			missing = append(missing, fmt.Sprintf("%q: %v", s.signal, s.problem))
		case s.n == 0:
			missing = append(missing, fmt.Sprintf("%q: nothing was counted in the last %s", s.signal, sampledFor))
		default:
			told = append(told, fmt.Sprintf("%q %d", s.signal, s.n))
		}
	}
	switch {
	case len(missing) > 0:
		return control.Check{
			Check: "metrics", Result: control.ResultWarn, Message: "the release could not be judged by every signal; " + strings.Join(missing, "; "),
			Fix: "see that there is traffic, and ask rollbackctl doctor --config FILE --workload " + o.name(),
		}
	case len(told) == 0:
		return fine("metrics", "policy %q has no signal that Prometheus is asked for", o.policy.Name)
	}
	return fine("metrics", "Prometheus has counted in the last %s, by signal: %s", sampledFor, strings.Join(told, ", "))
}
