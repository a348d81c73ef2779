// Package job runs Kubernetes Jobs that are made from a template: it renders them, creates each of them once, waits for its end
// and reads its log.
package job

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	kjson "sigs.k8s.io/json"
)

// MaxTemplate is how long a template may be, in bytes of JSON. It is journalled with each plan that holds it.
const MaxTemplate = 32 << 10

// leastTTL is how long a finished Job must stay, in seconds: a process that is restarted must find it, or could not tell that
// it has run.
const leastTTL = 600

// Check returns all that is wrong with a template, which is a JobSpec of batch/v1 as JSON. Deadline is the longest that the
// Job may run, in seconds.
func Check(template json.RawMessage, deadline int64) []error {
	if len(template) > MaxTemplate {
		return []error{fmt.Errorf("is %d bytes long as JSON, and may have %d; put scripts into the image or a ConfigMap", len(template), MaxTemplate)}
	}
	spec, problems := decode(template)
	if len(problems) > 0 {
		return problems
	}
	c := check{}
	c.spec(spec, deadline)
	c.pod(spec.Template)
	c.placeholders(spec)
	return c.problems
}

// decode reads a template strictly: what the API types do not know is a mistake, not something to be dropped.
func decode(template json.RawMessage) (batchv1.JobSpec, []error) {
	var spec batchv1.JobSpec
	unknown, err := kjson.UnmarshalStrict(template, &spec)
	if err != nil {
		return spec, []error{fmt.Errorf("is no JobSpec of batch/v1: %w", err)}
	}
	for i, u := range unknown {
		unknown[i] = fmt.Errorf("is no JobSpec of batch/v1: %w", u)
	}
	return spec, unknown
}

type check struct{ problems []error }

func (c *check) say(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

func (c *check) spec(s batchv1.JobSpec, deadline int64) {
	if s.Selector != nil || s.ManualSelector != nil {
		c.say("has a selector of its own, which a Job made from a template cannot; remove selector and manualSelector")
	}
	if s.Suspend != nil && *s.Suspend {
		c.say("is suspended, and would never run; remove suspend")
	}
	if s.ManagedBy != nil && *s.ManagedBy != batchv1.JobControllerName {
		c.say("is managed by %q, of which rollbackd does not know when it runs a Job; remove managedBy", *s.ManagedBy)
	}
	if ttl := s.TTLSecondsAfterFinished; ttl != nil && *ttl < leastTTL {
		c.say("has ttlSecondsAfterFinished: %d, so its result could be gone before it is recorded; use at least %d", *ttl, leastTTL)
	}
	if d := s.ActiveDeadlineSeconds; d != nil && (*d < 1 || *d > deadline) {
		c.say("has activeDeadlineSeconds: %d; use 1 to %d, which is how long it is waited for", *d, deadline)
	}
}

func (c *check) pod(t corev1.PodTemplateSpec) {
	if ns := t.Namespace; ns != "" && ns != "{namespace}" {
		c.say("names the namespace %q; a Job runs in its workload's own, so remove it", ns)
	}
	switch t.Spec.RestartPolicy {
	case "", corev1.RestartPolicyNever, corev1.RestartPolicyOnFailure:
	default:
		c.say("has restartPolicy: %s, with which a Job does not end; use Never", t.Spec.RestartPolicy)
	}
	if len(t.Spec.Containers) == 0 {
		c.say("has no containers; give one in template.spec.containers")
	}
	for _, container := range containers(&t.Spec) {
		if container.Name == "" || container.Image == "" {
			c.say("has a container without a name or an image (name %q, image %q); give both", container.Name, container.Image)
		}
		if i := pasted(*container); i != "" {
			c.say("would paste a placeholder into the script of a shell, %q, where it could do anything; put it into env and write \"$NAME\" in the script", i)
		}
	}
}

// shells are what runs the text that it is given.
func shells() []string {
	return []string{"sh", "bash", "ash", "dash", "zsh", "ksh", "busybox", "python", "python3", "perl", "ruby", "node"}
}

// pasted returns an argument of a shell that holds a placeholder and may be its script; empty if there is none.
func pasted(c corev1.Container) string {
	words := slices.Concat(c.Command, c.Args)
	for i, word := range words {
		if holdsPlaceholder(word) && slices.ContainsFunc(words[:i], func(w string) bool { return slices.Contains(shells(), path.Base(w)) }) &&
			strings.HasPrefix(words[i-1], "-") && strings.ContainsAny(words[i-1], "ce") {
			return word
		}
	}
	return ""
}

func holdsPlaceholder(text string) bool {
	return slices.ContainsFunc(placeholders(), func(p string) bool { return strings.Contains(text, p) })
}

// placeholders finds those that stand where nothing is put in for them.
func (c *check) placeholders(spec batchv1.JobSpec) {
	sample := Names{Namespace: "n", Workload: "w", Version: "v", Target: "t"}
	sample.putInto(&spec)
	spec.Template.Namespace = ""
	text, _ := json.Marshal(spec) // what was decoded encodes
	for _, p := range placeholders() {
		if strings.Contains(string(text), p) {
			c.say("holds %s where nothing is put in for it; use it in the values of env, in args, and in labels and annotations", p)
		}
	}
}
