package job

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What tells whose a Job is. The annotation holds the whole key of the watch, the label as much of its hash as a label may.
const (
	WatchAnnotation = "rollbackd.io/watch"
	WatchLabel      = "rollbackd.io/watch"
	PurposeLabel    = "rollbackd.io/purpose"
	managedByLabel  = "app.kubernetes.io/managed-by"
	manager         = "rollbackd"
)

// defaultTTL is how long a finished Job stays unless its template says otherwise; the cluster removes it then. Nothing
// is ever deleted by rollbackd.
const defaultTTL = int32(3600)

// Names are what the placeholders of a template stand for.
type Names struct {
	Namespace, Workload string
	// Version is the release's, Target that of the version to go back to; empty where none is meant.
	Version, Target string
}

// Order is what a Job is rendered from.
type Order struct {
	// Template is a JobSpec that Check finds nothing wrong with.
	Template json.RawMessage
	Names    Names
	// Watch, Purpose and Round name the Job: the same three always give the same name, so that whoever tries again finds
	// what was created before. Purpose is one short word, such as smoke.
	Watch, Purpose, Round string
	// Deadline is how long the Job may run, unless its template says less. Whole seconds.
	Deadline time.Duration
}

// Render makes the Job. It is pure: the same order gives the same Job.
func Render(o Order) (*batchv1.Job, error) {
	spec, problems := decode(o.Template)
	if len(problems) > 0 {
		return nil, fmt.Errorf("the template %w", errors.Join(problems...))
	}
	o.Names.putInto(&spec)
	spec.Template.Namespace = ""
	if spec.Template.Spec.RestartPolicy == "" {
		spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	}
	orElse(&spec.BackoffLimit, 0)
	orElse(&spec.TTLSecondsAfterFinished, defaultTTL)
	orElse(&spec.ActiveDeadlineSeconds, max(1, int64(o.Deadline.Seconds())))
	labels := map[string]string{managedByLabel: manager, WatchLabel: short(o.Watch, 16), PurposeLabel: o.Purpose}
	return &batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: o.Names.Namespace, Name: o.name(), Labels: labels,
			Annotations: map[string]string{WatchAnnotation: o.Watch},
		},
		Spec: spec,
	}, nil
}

func orElse[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

// maxNamed is how much of a workload's name is in that of its Job, whose pods' names are longer still.
const maxNamed = 24

func (o Order) name() string {
	workload := strings.Trim(strings.ReplaceAll(o.Names.Workload, ".", "-")[:min(len(o.Names.Workload), maxNamed)], "-")
	return fmt.Sprintf("rollbackd-%s-%s-%s", o.Purpose, workload, short(o.Watch+"\x00"+o.Purpose+"\x00"+o.Round, 12))
}

// short is the beginning of a hash, in hexadecimal digits.
func short(text string, digits int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:digits]
}

func placeholders() []string { return []string{"{namespace}", "{workload}", "{version}", "{target}"} }

// putInto puts the names in for the placeholders, in the values of fields that are data: what a name holds can change no
// other field.
func (n Names) putInto(spec *batchv1.JobSpec) {
	argument := n.replacer(func(s string) string { return strings.ReplaceAll(s, "$", "$$") }) // Kubernetes expands $(NAME) there
	for _, c := range containers(&spec.Template.Spec) {
		for i := range c.Args {
			c.Args[i] = argument.Replace(c.Args[i])
		}
		for i := range c.Env {
			c.Env[i].Value = argument.Replace(c.Env[i].Value)
		}
	}
	label := n.replacer(func(s string) string { return s })
	for key, value := range spec.Template.Labels {
		if holdsPlaceholder(value) {
			spec.Template.Labels[key] = labelValue(label.Replace(value))
		}
	}
	for key, value := range spec.Template.Annotations {
		spec.Template.Annotations[key] = label.Replace(value)
	}
}

func (n Names) replacer(escape func(string) string) *strings.Replacer {
	values := []string{n.Namespace, n.Workload, n.Version, n.Target}
	var pairs []string
	for i, p := range placeholders() {
		pairs = append(pairs, p, escape(values[i]))
	}
	return strings.NewReplacer(pairs...)
}

// labelValue makes of any text one that a label may have.
func labelValue(text string) string {
	valid := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '_'
	}, text)
	return strings.Trim(valid[:min(len(valid), 63)], "-_.")
}

// containers are all of a pod's.
func containers(p *corev1.PodSpec) []*corev1.Container {
	var all []*corev1.Container
	for i := range p.InitContainers {
		all = append(all, &p.InitContainers[i])
	}
	for i := range p.Containers {
		all = append(all, &p.Containers[i])
	}
	return all
}
