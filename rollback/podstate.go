package rollback

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// PodState is what the kubelet and the scheduler say of one live pod.
type PodState struct {
	Name string
	// Owner is the UID of the revision that the pod belongs to; of a StatefulSet's or DaemonSet's pod whose revision is gone
	// that of the workload.
	Owner string
	// Hash is the pod's controller-revision-hash, CreatedAt when it was made.
	Hash      string
	CreatedAt time.Time
	Ready     bool
	// Unplaced is set while no node has room for the pod.
	Unplaced bool
	// Unpullable is set while an image cannot be pulled, BackingOff while a container waits to be started again after crashes.
	Unpullable, BackingOff bool
	// UnpullableImage is the image that cannot be pulled. Unstartable is what the kubelet says of a container that it cannot
	// create, mostly which ConfigMap or Secret is missing.
	UnpullableImage, Unstartable string
	// Restarts are those of the container with the most of them, LastCrash is when one last ended.
	Restarts  int
	LastCrash time.Time
}

// How long after a crash a pod still counts as crashing: its container runs between two crashes, and without a probe it is
// ready then. A pod that is ready is believed sooner.
const (
	crashedLately      = time.Minute
	crashedLatelyReady = 30 * time.Second
	crashLoop          = 2
)

// crashing reports whether the pod crashes again and again at a time. A single restart is no loop.
func (p PodState) crashing(at time.Time) bool {
	lately := crashedLately
	if p.Ready {
		lately = crashedLatelyReady
	}
	return p.BackingOff || p.Restarts >= crashLoop && at.Sub(p.LastCrash) < lately
}

// podStates returns the pods that are not being deleted and have not ended.
func podStates(pods []apiObject) []PodState {
	var states []PodState
	for _, pod := range pods {
		if read := readPod(pod); read.live {
			states = append(states, read.state)
		}
	}
	return states
}

// podRead is all that is read of a pod.
type podRead struct {
	// live is false of a pod that is being deleted, has ended, belongs to nobody or cannot be read; nothing is known of it then.
	live  bool
	state PodState
	// ready is set of a pod that a Service would send traffic to, whoever it belongs to.
	ready bool
}

// readPod reads a pod, or returns what was read when it came into the caches.
func readPod(pod apiObject) podRead {
	switch p := pod.(type) {
	case *packed:
		if p.pod != nil {
			return *p.pod
		}
	case *unstructured.Unstructured:
		return readWholePod(p)
	}
	return podRead{}
}

func readWholePod(pod *unstructured.Unstructured) podRead {
	owner := metav1.GetControllerOfNoCopy(pod)
	out := podRead{ready: isReady(pod)}
	var read podStatus
	if owner == nil || pod.GetDeletionTimestamp() != nil || read.decode(pod) != nil || read.ended() {
		return out
	}
	out.live, out.state = true, read.state(string(owner.UID), out.ready)
	out.state.Name, out.state.Hash, out.state.CreatedAt = pod.GetName(), pod.GetLabels()[revisionLabel], pod.GetCreationTimestamp().UTC()
	return out
}

// podStatus is what is read of a pod.
type podStatus struct {
	Status struct {
		Phase          string            `json:"phase"`
		Conditions     []Condition       `json:"conditions"`
		Containers     []containerStatus `json:"containerStatuses"`
		InitContainers []containerStatus `json:"initContainerStatuses"`
	} `json:"status"`
}

// decode reads the status alone: the rest of a pod is much more, and every change of each comes by here.
func (p *podStatus) decode(pod *unstructured.Unstructured) error {
	text, err := json.Marshal(map[string]any{"status": pod.Object["status"]})
	if err != nil {
		return err
	}
	return json.Unmarshal(text, p)
}

type containerStatus struct {
	Image        string         `json:"image"`
	RestartCount int            `json:"restartCount"`
	State        containerState `json:"state"`
	LastState    containerState `json:"lastState"`
}

type containerState struct {
	Waiting    struct{ Reason, Message string } `json:"waiting"`
	Terminated struct{ FinishedAt time.Time }   `json:"terminated"`
}

func (p podStatus) ended() bool { return p.Status.Phase == "Succeeded" || p.Status.Phase == "Failed" }

func (p podStatus) state(owner string, ready bool) PodState {
	s := PodState{Owner: owner, Ready: ready}
	for _, c := range p.Status.Conditions {
		s.Unplaced = s.Unplaced || c.Type == "PodScheduled" && c.Status == "False"
	}
	for _, c := range slices.Concat(p.Status.InitContainers, p.Status.Containers) {
		s.BackingOff = s.BackingOff || c.State.Waiting.Reason == "CrashLoopBackOff"
		if unpullable(c.State.Waiting.Reason) && !s.Unpullable {
			s.Unpullable, s.UnpullableImage = true, c.Image
		}
		if unstartable(c.State.Waiting.Reason) && s.Unstartable == "" {
			s.Unstartable = cmp.Or(c.State.Waiting.Message, c.State.Waiting.Reason)
		}
		s.Restarts = max(s.Restarts, c.RestartCount)
		s.LastCrash = latest(s.LastCrash, latest(c.LastState.Terminated.FinishedAt, c.State.Terminated.FinishedAt))
	}
	return s
}

// unpullable tells the kubelet's reasons for waiting that say an image cannot be had.
func unpullable(reason string) bool {
	return strings.HasPrefix(reason, "ErrImage") || reason == "ImagePullBackOff" || reason == "InvalidImageName"
}

// unstartable tells the kubelet's reasons for waiting that say a container cannot be created.
func unstartable(reason string) bool {
	return reason == "CreateContainerConfigError" || reason == "CreateContainerError"
}

// Stuck says, in the kubelet's words, why pods of the live version cannot start; empty if nothing says so. It is made
// harmless for any terminal, and short.
func Stuck(s Snapshot) string {
	live := s.Live
	if s.Switch != nil && s.Switch.isBack() && len(s.Switch.Old) == 1 {
		s = s.Switch.Old[0]
		live = s.Live
	}
	for _, p := range s.Pods {
		switch {
		case live == nil:
		case p.Owner != live.UID:
			if s.Ordered && !p.Ready {
				return fmt.Sprintf("pod %s is of another version and not ready, and a StatefulSet whose pods are managed in order waits for it; "+
					"if it cannot become ready, delete it", p.Name)
			}
		case p.Unstartable != "":
			return fmt.Sprintf("pod %s cannot start: %s", p.Name, shortenTo(escapeLine(p.Unstartable), mostWords))
		case p.Unpullable:
			return fmt.Sprintf("pod %s cannot pull %s", p.Name, shortenTo(escapeLine(p.UnpullableImage), mostWords))
		}
	}
	return ""
}

// mostWords is how much of a server's words is shown, in runes.
const mostWords = 200
