// Package control is what people ask of the daemon over NATS, and what it answers: requests on
// rollbackd.ctl.<user>.<verb>.<environment>.<namespace>.<workload>. The permissions of the NATS server pin <user>, who is
// the actor that the journal names. Everything in a request is hostile until ParseSubject and Decode have returned it.
package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rollbackd/rollbackd/internal/event"
)

// SubjectPrefix begins the subjects of all requests.
const SubjectPrefix = "rollbackd.ctl"

// AllWorkloads stands for every workload of the namespace in the subject of what only lists; no workload can have this name.
const AllWorkloads = "-"

// MaxRequest is how large a request may be, in bytes.
const MaxRequest = 16 << 10

// maxReason is how long a person's reason may be, in bytes.
const maxReason = 1024

// maxKey is how long the key of a watch may be, in bytes: more than any has.
const maxKey = 512

// MaxHold is how long a workload may be held at a time.
const MaxHold = 30 * 24 * time.Hour

// Verb is what is asked for.
type Verb string

// The verbs.
const (
	// Approve lets a rollback happen that waits for a person.
	Approve Verb = "approve"
	// Deny refuses it.
	Deny Verb = "deny"
	// Abort ends a watch without any action.
	Abort Verb = "abort"
	// Hold stops automatic action on a workload for some time, or lets go of it again.
	Hold Verb = "hold"
	// Rollback rolls a workload back, whatever its signals say.
	Rollback Verb = "rollback"
	// List tells of the watches of a workload or of a namespace; it changes nothing.
	List Verb = "list"
)

func verbs() []Verb {
	return []Verb{Approve, Deny, Abort, Hold, Rollback, List, Incidents, Journal, MayDrill, Drilled, Postmortem, Notices, RetryNotices, MayDeploy}
}

func kinds() []event.Kind {
	return []event.Kind{event.KindDeployment, event.KindStatefulSet, event.KindDaemonSet}
}

// Request is the body of a request; which fields count depends on the verb.
type Request struct {
	// ID tells requests apart, so that one that is sent again is not carried out twice. Required for a rollback.
	ID string `json:"id,omitempty"`
	// Watch is the key of the watch that is meant: required by approve, deny and abort.
	Watch string `json:"watch,omitempty"`
	// Reason is for the record.
	Reason string `json:"reason,omitempty"`
	// Kind is that of the workload to roll back, which the subject does not tell. Without one it is that of the open watch of
	// the workload, and a Deployment where there is none.
	Kind event.Kind `json:"kind,omitempty"`
	// Revision is the one to go back to; empty means the known-good one.
	Revision string `json:"revision,omitempty"`
	// DryRun only shows what a rollback would do.
	DryRun bool `json:"dryRun,omitempty"`
	// For is how long a hold lasts, as Go writes durations; zero lets go of the workload.
	For string `json:"for,omitempty"`
	// Link is where the review of an incident can be read.
	Link string `json:"link,omitempty"`
	// Drilled is what a drill came to.
	Drilled *DrillResult `json:"drilled,omitempty"`
	Reading
	Deploying
}

// Code says in one word why a request was refused.
type Code string

// The codes of refusals; those of a refused rollback are of package rollback.
const (
	CodeMalformed Code = "malformed"
	CodeUnknown   Code = "unknown-watch"
	CodeState     Code = "wrong-state"
	CodeBreach    Code = "no-breach"
	CodeNoPolicy  Code = "no-policy"
	CodeBusy      Code = "busy"
	CodeAmbiguous Code = "ambiguous"
	CodeReadOnly  Code = "read-only"
)

// Reply is the answer to a request.
type Reply struct {
	// OK says that what was asked for is done, or has begun.
	OK bool `json:"ok"`
	// Code and Message say what came of it, or why it was refused; Message is one sentence for a person.
	Code    Code   `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Watch is the key of the watch that carries it out.
	Watch string `json:"watch,omitempty"`
	// Diff and Notes are what a dry run shows: the change as a diff, and what the API server or the guards say of it.
	Diff  string   `json:"diff,omitempty"`
	Notes []string `json:"notes,omitempty"`
	// Watches are what list found, as of /api/v1/watches.
	Watches json.RawMessage `json:"watches,omitempty"`
	// Drill is what a drill that may begin goes by.
	Drill *Drill `json:"drill,omitempty"`
	// Preflight is what was found before a deployment.
	Preflight *Preflight `json:"preflight,omitempty"`
	Page
}

// Refuse returns the reply that refuses a request.
func Refuse(code Code, format string, args ...any) Reply {
	return Reply{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Asked is a request together with what its subject says.
type Asked struct {
	// By is the NATS user who asks.
	By     string
	Verb   Verb
	Target event.Target
	Request
}

// Subject is where a user asks for something.
func Subject(user string, verb Verb, target event.Target) string {
	return strings.Join([]string{SubjectPrefix, user, string(verb), target.Environment, target.Namespace, target.Workload}, ".")
}

// Pattern is what the daemon listens on for an environment.
func Pattern(environment string) string { return SubjectPrefix + ".*.*." + environment + ".>" }

// Allowed is what a user must be allowed to publish on in order to control a namespace; "*" stands for all of them.
func Allowed(user, environment, namespace string) string {
	return strings.Join([]string{SubjectPrefix, user, "*", environment, namespace, ">"}, ".")
}

// Decode reads a request. Its error says in one sentence what is wrong, quoted and safe to show.
func Decode(subject string, body []byte) (Asked, error) {
	a, err := parseSubject(subject)
	if err != nil {
		return Asked{}, err
	}
	if len(body) > MaxRequest {
		return Asked{}, fmt.Errorf("the request has %d bytes, more than %d", len(body), MaxRequest)
	}
	if len(body) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&a.Request); err != nil {
			return Asked{}, fmt.Errorf("the request is not the JSON that is expected: %s", event.Quote(err.Error()))
		}
		if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			return Asked{}, errors.New("there is something after the request's JSON object")
		}
	}
	return a, a.check()
}

func parseSubject(subject string) (Asked, error) {
	tokens := strings.SplitN(subject, ".", 7)
	if len(tokens) != 7 || tokens[0]+"."+tokens[1] != SubjectPrefix {
		return Asked{}, fmt.Errorf("subject %s does not have the form %s.<user>.<verb>.<environment>.<namespace>.<workload>", event.Quote(subject), SubjectPrefix)
	}
	a := Asked{By: tokens[2], Verb: Verb(tokens[3])}
	if !ValidUser(a.By) {
		return Asked{}, fmt.Errorf("%s is not a user's name: it may have letters, digits, '-' and '_' only, at most 64", event.Quote(a.By))
	}
	if !slices.Contains(verbs(), a.Verb) {
		return Asked{}, fmt.Errorf("%s is not something that can be asked for; use one of %v", event.Quote(tokens[3]), verbs())
	}
	allWorkloads, allNamespaces := a.Verb.wide()
	if tokens[6] == AllWorkloads && allWorkloads && event.IsName(tokens[4]) && (event.IsName(tokens[5]) || allNamespaces && tokens[5] == AllNamespaces) {
		a.Target = event.Target{Environment: tokens[4], Namespace: tokens[5], Workload: AllWorkloads}
		return a, nil
	}
	target, err := event.ParseSubject(strings.Join(append([]string{event.SubjectPrefix}, tokens[4:]...), "."))
	if err != nil {
		return Asked{}, fmt.Errorf("subject %s does not name an environment, a namespace and a workload as Kubernetes does", event.Quote(subject))
	}
	a.Target = target
	return a, nil
}

// ValidUser reports whether the name may be a user's: it is one token of a subject.
func ValidUser(name string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`).MatchString(name)
}

func (a Asked) check() error {
	switch {
	case len(a.Reason) > maxReason || !printable(a.Reason):
		return fmt.Errorf("field \"reason\" is longer than %d bytes or has characters that cannot be printed", maxReason)
	case a.ID != "" && !regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`).MatchString(a.ID):
		return errors.New(`field "id" may have letters, digits, '-' and '_' only, at most 64`)
	case a.Watch != "" && !regexp.MustCompile(`^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*$`).MatchString(a.Watch), len(a.Watch) > maxKey:
		return fmt.Errorf(`field "watch": %s is not the key of a watch, such as production.shop.3f0c; rollbackctl list shows it as ID`, event.Quote(a.Watch))
	case a.Kind != "" && !slices.Contains(kinds(), a.Kind):
		return fmt.Errorf(`field "kind": %s is not a kind of workload that can be rolled back; use one of %v`, event.Quote(string(a.Kind)), kinds())
	case a.Revision != "" && !regexp.MustCompile(`^[0-9]{1,18}$`).MatchString(a.Revision):
		return fmt.Errorf(`field "revision": %s is not a revision's number, as kubectl rollout history shows it`, event.Quote(a.Revision))
	}
	if a.Verb.Reads() {
		return a.checkReading()
	}
	switch a.Verb {
	case Approve, Deny, Abort:
		if a.Watch == "" {
			return fmt.Errorf(`field "watch" is missing: %s needs the key of a watch, as rollbackctl list shows it`, a.Verb)
		}
	case Postmortem:
		return a.checkReview()
	case Drilled:
		return a.checkDrilled()
	case RetryNotices:
		return a.checkNotices()
	case MayDeploy:
		return a.Deploying.check()
	case Rollback:
		if a.ID == "" && !a.DryRun {
			return errors.New(`field "id" is missing: a rollback needs one, so that it is not carried out twice`)
		}
	case Hold:
		if _, err := a.HoldFor(); err != nil {
			return err
		}
	}
	return nil
}

// HoldFor is how long a hold is to last, from zero to MaxHold.
func (a Asked) HoldFor() (time.Duration, error) {
	d, err := time.ParseDuration(a.For)
	if err != nil || d < 0 || d > MaxHold {
		return 0, fmt.Errorf(`field "for": %s is not a time from 0s to %s, such as 2h`, event.Quote(a.For), MaxHold)
	}
	return d, nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
