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

// IsEnvironment says whether the name is fit for an environment: an RFC 1123 label, as a namespace's name is.
func IsEnvironment(name string) bool { return isLabel(name) }

func isLabel(name string) bool     { return len(content.IsDNS1123Label(name)) == 0 }
func isSubdomain(name string) bool { return len(content.IsDNS1123Subdomain(name)) == 0 }
