package event

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
)

// The first tokens of the subjects that events and rejections are published on.
const (
	SubjectPrefix         = "deployments"
	RejectedSubjectPrefix = "rollbackd.rejected"
)

// CDEventsSubjectPrefix are the first tokens of the subjects that the daemon publishes CDEvents on, unless it is configured otherwise.
const CDEventsSubjectPrefix = "rollbackd.cdevents"

// RejectedSourceSubject is what rejections of what a source said are published on. It has fewer tokens than that of any workload.
func RejectedSourceSubject(source string) string { return RejectedSubjectPrefix + ".source." + source }

// InboxPrefix is the prefix of the subjects on which replies to a NATS user arrive. Each user has one of its own, so
// that none can read another's; clients must be told to use it.
func InboxPrefix(user string) string { return "_INBOX_" + user }

// Target is one workload of one environment. One that came from ParseSubject holds only valid names.
type Target struct{ Environment, Namespace, Workload string }

// Subject is what events about the target are published on.
func (t Target) Subject() string { return SubjectPrefix + "." + t.tokens() }

// RejectedSubject is what rejections of the target's events are published on.
func (t Target) RejectedSubject() string { return RejectedSubjectPrefix + "." + t.tokens() }

func (t Target) tokens() string { return t.Environment + "." + t.Namespace + "." + t.Workload }

// ParseSubject reads deployments.<environment>.<namespace>.<workload>. A workload's name may hold dots: it is all
// the remaining tokens. The error is a *Rejection with CodeSubject.
func ParseSubject(subject string) (Target, error) {
	tokens := strings.SplitN(subject, ".", 4)
	if len(tokens) != 4 || tokens[0] != SubjectPrefix {
		return Target{}, badSubject(subject, "does not have the form deployments.<environment>.<namespace>.<workload>")
	}
	if !isLabel(tokens[1]) {
		return Target{}, badSubject(subject, "names an environment that is not "+labelRule)
	}
	if !isLabel(tokens[2]) {
		return Target{}, badSubject(subject, "names a namespace that is not "+labelRule)
	}
	if !isSubdomain(tokens[3]) {
		return Target{}, badSubject(subject, "names a workload that is not "+subdomainRule)
	}
	return Target{Environment: tokens[1], Namespace: tokens[2], Workload: tokens[3]}, nil
}

func badSubject(subject, reason string) *Rejection {
	value := Quote(subject)
	return &Rejection{
		Code: CodeSubject, Value: value,
		Reason: "subject " + value + " " + reason,
		Fix:    "publish on deployments.<environment>.<namespace>.<workload>",
	}
}

// IsName says whether the name is fit for an environment or a namespace: an RFC 1123 label.
func IsName(name string) bool { return isLabel(name) }

// RejectedSubject is what the rejection of anything published on the subject goes to. Of a subject that ParseSubject
// refuses only the valid tokens are used, up to the first that is not; "invalid" stands for the rest.
func RejectedSubject(subject string) string {
	if target, err := ParseSubject(subject); err == nil {
		return target.RejectedSubject()
	}
	target := Target{Environment: "invalid", Namespace: "invalid", Workload: "invalid"}
	tokens := strings.SplitN(subject, ".", 4)
	if len(tokens) > 1 && tokens[0] == SubjectPrefix && isLabel(tokens[1]) {
		target.Environment = tokens[1]
		if len(tokens) > 2 && isLabel(tokens[2]) {
			target.Namespace = tokens[2]
		}
	}
	return target.RejectedSubject()
}

func isLabel(name string) bool     { return len(content.IsDNS1123Label(name)) == 0 }
func isSubdomain(name string) bool { return len(content.IsDNS1123Subdomain(name)) == 0 }
