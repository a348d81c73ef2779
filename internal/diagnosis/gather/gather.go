// Package gather asks Kubernetes for what a diagnosis is made of. It changes nothing, and never answers with an error: what it could not
// have, the diagnosis says.
package gather

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/internal/diagnosis"
	"github.com/rollbackd/rollbackd/internal/mask"
	"github.com/rollbackd/rollbackd/rollback"
)

const (
	// defaultPatience bounds all calls of one diagnosis together, defaultCallPatience one of them.
	defaultPatience     = 20 * time.Second
	defaultCallPatience = 8 * time.Second
	// lookBack is how far back logs and events are looked at, at most.
	lookBack = 10 * time.Minute
	// qps and burst bound how fast all diagnoses of a daemon together may ask the API server, in calls a second.
	qps, burst = 20, 40
	// mostPods is how many pods are kept of each side, pageSize and mostPages how many objects are listed.
	mostPods = 15
	// mostMissing is how many reasons are kept why something could not be had.
	mostMissing = 20
	pageSize    = 500
	mostPages   = 4
)

// Options say what is gathered.
type Options struct {
	// Logs has logs read. It takes the permission to get pods/log.
	Logs bool
	// Pods is of how many pods of each version logs are read.
	Pods int
	// Mask hides secrets.
	Mask mask.Masker
}

// Gatherer gathers diagnoses. It may be used by several goroutines.
type Gatherer struct {
	core    core.CoreV1Interface
	options Options
	// patience bounds all calls of one diagnosis together, callPatience one of them.
	patience, callPatience time.Duration
}

// New returns a Gatherer that asks an API server, slowly enough not to be in anybody's way.
func New(rc *rest.Config, options Options) (*Gatherer, error) {
	rc = rest.CopyConfig(rc)
	rc.QPS, rc.Burst = qps, burst
	client, err := core.NewForConfig(rc)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	return &Gatherer{core: client, options: options, patience: defaultPatience, callPatience: defaultCallPatience}, nil
}

// gathering is one diagnosis on its way.
type gathering struct {
	*Gatherer
	workload rollback.Workload
	pin      rollback.Pin
	now      time.Time
	// hide hides secrets, those of the pod templates included, wherever they turn up.
	hide mask.Masker

	mu  sync.Mutex
	out diagnosis.Diagnosis
}

// Gather gathers what the cluster tells of a release, or after a failed rollback of what is there instead. It takes 20 s at most.
func (g *Gatherer) Gather(ctx context.Context, w rollback.Workload, pin rollback.Pin, moment diagnosis.Moment) diagnosis.Diagnosis {
	ctx, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	now := time.Now().UTC()
	a := &gathering{Gatherer: g, workload: w, pin: pin, now: now, hide: g.options.Mask.WithSecretsOf(pin.Release.Template)}
	if pin.Target != nil {
		a.hide = a.hide.WithSecretsOf(pin.Target.Template)
	}
	a.out = diagnosis.Diagnosis{Moment: moment, GatheredAt: now, Since: since(pin.T0, now), Release: nameOf(&pin.Release), Before: nameOf(pin.Target)}
	a.template()

	// The pods first: the rollback is about to delete them. What they wrote is asked for at once, and events beside it.
	pods := a.pods(ctx)
	var asking sync.WaitGroup
	asking.Go(func() { a.logs(ctx, pods) })
	asking.Go(func() { a.events(ctx, pods) })
	asking.Wait()

	a.out.Guesses = diagnosis.GuessOf(a.out)
	a.out.Seconds = float64(time.Since(now).Milliseconds()) / 1000
	slices.Sort(a.out.Missing)
	a.out.Missing = slices.Compact(a.out.Missing)
	a.out.Missing = a.out.Missing[:min(len(a.out.Missing), mostMissing)]
	return diagnosis.Fit(a.out)
}

// since is from when on logs and events are looked at: since the deployment, and no longer than is of use.
func since(t0, now time.Time) time.Time {
	if earliest := now.Add(-lookBack); t0.Before(earliest) {
		return earliest
	}
	return t0
}

func nameOf(r *rollback.Revision) string {
	if r == nil {
		return ""
	}
	return cmp.Or(r.Version, r.ReplicaSet)
}

// lack notes what could not be gathered.
func (a *gathering) lack(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.out.Missing = append(a.out.Missing, fmt.Sprintf(format, args...))
}

// refused notes why something could not be read; if it is forbidden, what would have to be granted.
func (a *gathering) refused(err error, what, verb, resource string) {
	switch {
	case apierrors.IsForbidden(err):
		a.lack("rollbackd may not read %s: grant it %s on %s in namespace %s", what, verb, resource, a.workload.Namespace)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		a.lack("%s could not be read in time", what)
	default:
		a.lack("%s could not be read: %s", what, a.words(err.Error()))
	}
}

// words makes a server's words fit to be kept.
func (a *gathering) words(text string) string {
	text = strings.Join(strings.Fields(a.hide.Text(diagnosis.Plain(text))), " ")
	if runes := []rune(text); len(runes) > mostWords {
		return string(runes[:mostWords]) + "…"
	}
	return text
}

// mostWords bounds what is kept of a server's words, in runes.
const mostWords = 300

// template compares the pod templates; it needs no call.
func (a *gathering) template() {
	if a.pin.Target == nil {
		a.lack("no version is known to be good, so there is nothing to compare the release with")
		return
	}
	a.out.Changes = diagnosis.ChangesOf(a.pin.Target.Template, a.pin.Release.Template, a.hide)
	diff, err := rollback.TemplateDiff(a.hide, *a.pin.Target, a.pin.Release)
	if err != nil {
		a.lack("the pod templates could not be compared: %s", a.words(err.Error()))
		return
	}
	a.out.Diff = diff
}

// pod is a pod with whose it is.
type pod struct {
	corev1.Pod
	side diagnosis.Side
}

// pods lists the pods of both versions, in the order in which they are shown, and keeps what is told of them.
func (a *gathering) pods(ctx context.Context) []pod {
	ctx, cancel := context.WithTimeout(ctx, a.callPatience)
	defer cancel()
	label, hashes := corev1Label(a.pin.Release), []string{a.pin.Release.Hash}
	if a.pin.Target != nil {
		hashes = append(hashes, a.pin.Target.Hash)
	}
	selector := fmt.Sprintf("%s in (%s)", label, strings.Join(hashes, ","))
	var found []pod
	options := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	for range mostPages {
		list, err := a.core.Pods(a.workload.Namespace).List(ctx, options)
		if err != nil {
			a.refused(err, "pods", "list", "pods")
			return found
		}
		for _, p := range list.Items {
			if side := a.sideOf(p); side != "" {
				found = append(found, pod{p, side})
			}
		}
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	slices.SortStableFunc(found, func(x, y pod) int {
		return cmp.Or(cmp.Compare(y.side, x.side), cmp.Compare(health(x.Pod), health(y.Pod)), x.CreationTimestamp.Compare(y.CreationTimestamp.Time), cmp.Compare(x.Name, y.Name))
	})
	kept := map[diagnosis.Side]int{}
	for _, p := range found {
		if kept[p.side]++; kept[p.side] > mostPods {
			a.out.MorePods++
			continue
		}
		a.out.Pods = append(a.out.Pods, a.podOf(p))
	}
	if kept[diagnosis.Release] == 0 {
		a.lack("the release had no pods any more when they were looked at")
	}
	return found
}

// corev1Label is the label that tells of which revision a pod is.
func corev1Label(r rollback.Revision) string {
	if r.ByLabel {
		return "controller-revision-hash"
	}
	return "pod-template-hash"
}

// sideOf tells whose a pod is; empty if it is of neither version. Hashes of different workloads may be the same.
func (a *gathering) sideOf(p corev1.Pod) diagnosis.Side {
	owner := metav1.GetControllerOf(&p)
	if owner == nil {
		return ""
	}
	of := func(r *rollback.Revision) bool {
		if r == nil || p.Labels[corev1Label(*r)] != r.Hash {
			return false
		}
		return string(owner.UID) == r.UID || r.ByLabel && string(owner.UID) == a.pin.WorkloadUID
	}
	switch {
	case of(&a.pin.Release):
		return diagnosis.Release
	case of(a.pin.Target):
		return diagnosis.Before
	}
	return ""
}

// health orders pods, the sickest first.
func health(p corev1.Pod) int {
	ready := slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue })
	switch {
	case restarts(p) > 0:
		return 0
	case !ready:
		return 1
	}
	return 2
}

func restarts(p corev1.Pod) int {
	n := 0
	for _, s := range statuses(p) {
		n = max(n, int(s.RestartCount))
	}
	return n
}

func statuses(p corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
}
