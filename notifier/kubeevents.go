package notifier

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	events "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// The limits of events.k8s.io/v1, in bytes.
const (
	maxNote     = 1024
	maxInstance = 128
	maxNamePart = 200
)

// eventController is who reports the Events.
const eventController = "rollbackd.io/rollbackd"

// KubernetesEventsOptions configures a KubernetesEvents sink.
type KubernetesEventsOptions struct {
	// Name is the sink's.
	Name string
	// Config is how the API server is reached.
	Config *rest.Config
	// Instance is which daemon reports, such as its pod's name; empty means rollbackd.
	Instance string
	// Now is the time of an Event about which the notice does not say when it was; nil means time.Now.
	Now func() time.Time
}

// KubernetesEvents is a Sink that writes an Event for each notice about a workload beside that workload, where kubectl describe shows it.
// It needs the permission to create events of events.k8s.io, and the one to get the workload, which the daemon has. Notices that are about no
// workload are delivered by doing nothing.
type KubernetesEvents struct {
	opts      KubernetesEventsOptions
	events    events.EventsGetter
	workloads metadata.Interface
}

// NewKubernetesEvents returns the sink. It asks the API server for nothing yet.
func NewKubernetesEvents(opts KubernetesEventsOptions) (*KubernetesEvents, error) {
	if opts.Instance == "" {
		opts.Instance = "rollbackd"
	}
	opts.Instance = cutBytes(opts.Instance, maxInstance)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	client, err := events.NewForConfig(opts.Config)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	workloads, err := metadata.NewForConfig(opts.Config)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	return &KubernetesEvents{opts: opts, events: client, workloads: workloads}, nil
}

// Name returns the name that the sink was given.
func (k *KubernetesEvents) Name() string { return k.opts.Name }

// Notify creates the Event. The same notice again has an Event of the same name, so it is there once.
func (k *KubernetesEvents) Notify(ctx context.Context, n Notice) (bool, error) {
	if n.Workload == "" {
		return k.reach(ctx, n)
	}
	namespace, name, _ := strings.Cut(n.Workload, "/")
	for _, part := range []string{namespace, name} {
		if problems := content.IsPathSegmentName(part); len(problems) > 0 || part == "" || len(part) > 253 {
			return false, fmt.Errorf("%q is no workload that an Event could be about", plain(n.Workload, maxQuoted))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, DefaultDeadline)
	defer cancel()
	uid, err := k.uid(ctx, namespace, name, n.WorkloadKind)
	if err != nil {
		return apiMayRetry(err), fmt.Errorf("read the workload for its Event: %w", harmlessError{err})
	}
	_, err = k.events.Events(namespace).Create(ctx, k.event(n, uid), metav1.CreateOptions{})
	switch {
	case err == nil, apierrors.IsAlreadyExists(err):
		return false, nil
	case apierrors.IsForbidden(err):
		return false, fmt.Errorf("create an Event (this needs the verb create on events of events.k8s.io in namespace %s): %w", namespace, harmlessError{err})
	}
	return apiMayRetry(err), fmt.Errorf("create an Event in namespace %s: %w", namespace, harmlessError{err})
}

// reach does nothing for a notice of no workload, but tries the connection where that is what it is for: what is read need not be there.
func (k *KubernetesEvents) reach(ctx context.Context, n Notice) (bool, error) {
	if n.Kind != KindTest {
		return false, nil
	}
	if _, err := k.uid(ctx, "default", "rollbackd", "Deployment"); err != nil {
		return apiMayRetry(err), fmt.Errorf("reach the API server: %w", harmlessError{err})
	}
	return false, nil
}

// uid is by what kubectl describe finds a workload's Events. It is empty where the workload is gone, or may not be read.
func (k *KubernetesEvents) uid(ctx context.Context, namespace, name, kind string) (types.UID, error) {
	resource, ok := workloadResources()[kind]
	if !ok {
		return "", nil
	}
	object, err := k.workloads.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: resource}).
		Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case err == nil:
		return object.UID, nil
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return "", nil
	}
	return "", err
}

func workloadResources() map[string]string {
	return map[string]string{"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
}

// event is n as an Event.
func (k *KubernetesEvents) event(n Notice, uid types.UID) *eventsv1.Event {
	namespace, name, _ := strings.Cut(n.Workload, "/")
	at := n.At
	if at.IsZero() {
		at = k.opts.Now()
	}
	kind := n.WorkloadKind
	if _, ok := workloadResources()[kind]; !ok {
		kind = "Deployment"
	}
	reason, action := eventWords(n.Kind)
	return &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Name: eventName(name, n.ID), Namespace: namespace},
		EventTime:           metav1.NewMicroTime(at),
		ReportingController: eventController,
		ReportingInstance:   k.opts.Instance,
		Action:              action,
		Reason:              reason,
		Regarding:           corev1.ObjectReference{APIVersion: "apps/v1", Kind: kind, Namespace: namespace, Name: name, UID: uid},
		Note:                eventNote(n),
		Type:                eventType(n.Severity),
	}
}

// eventName names the Event by the workload, as others are, and by the notice: told again it is the same Event.
func eventName(workload, id string) string {
	if len(workload) > maxNamePart {
		workload = strings.TrimRight(workload[:maxNamePart], ".-")
	}
	digest := sha256.Sum256([]byte(id))
	return fmt.Sprintf("%s.%x", workload, digest[:8])
}

func eventType(s Severity) string {
	if s == Warn || s == Page {
		return corev1.EventTypeWarning
	}
	return corev1.EventTypeNormal
}

// eventWords are a kind's reason, by which Events are counted and selected, and what was done.
func eventWords(kind Kind) (reason, action string) {
	words := map[Kind][2]string{
		KindDeployed:    {"ReleaseWatched", "Watch"},
		KindStage:       {"StagePassed", "Watch"},
		KindSuspect:     {"ReleaseSuspected", "Judge"},
		KindRegressed:   {"ReleaseRegressed", "Judge"},
		KindAwaiting:    {"RollbackAwaitsApproval", "AskForApproval"},
		KindRollingBack: {"RollbackStarted", "RollBack"},
		KindRolledBack:  {"RollbackSucceeded", "RollBack"},
		KindUnresolved:  {"IncidentUnresolved", "Judge"},
		KindResolved:    {"IncidentResolved", "Judge"},
		KindHealthy:     {"ReleaseHealthy", "Judge"},
		KindEnded:       {"WatchEnded", "Watch"},
		KindPostmortem:  {"PostmortemDue", "Remind"},
	}
	if w, ok := words[kind]; ok {
		return w[0], w[1]
	}
	return "RollbackdNotice", "Tell"
}

// eventNote is the message on one line, as kubectl shows it in a table.
func eventNote(n Notice) string {
	message := n.Message
	if message == "" {
		message = Message(n)
	}
	var lines []string
	for line := range strings.SplitSeq(message, "\n") {
		if line = plain(line, MaxMessage); line != "" {
			lines = append(lines, line)
		}
	}
	return cutBytes(strings.Join(lines, "; "), maxNote)
}

// harmlessError is an error of which the words are one bounded line, whatever it quotes.
type harmlessError struct{ error }

func (e harmlessError) Error() string { return plain(e.error.Error(), 2*maxQuoted) }

func (e harmlessError) Unwrap() error { return e.error }

// apiMayRetry reports whether a request that failed may succeed later: always but after a refusal that names the request itself.
func apiMayRetry(err error) bool {
	return !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) && !apierrors.IsNotFound(err) &&
		!apierrors.IsMethodNotSupported(err) && !apierrors.IsRequestEntityTooLargeError(err)
}

// cutBytes shortens s to at most n bytes, and leaves no rune in halves.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const more = "…"
	end := n - len(more)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + more
}
