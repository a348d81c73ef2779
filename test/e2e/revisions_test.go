package e2e

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// TestBadReleaseOfOtherKindsIsRolledBack: StatefulSets and DaemonSets keep their versions as ControllerRevisions, and the
// names of their pods do not tell which one they run.
func TestBadReleaseOfOtherKindsIsRolledBack(t *testing.T) {
	w := onStack(t)
	for _, kind := range []event.Kind{event.KindStatefulSet, event.KindDaemonSet} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			d := newDaemon(t, w, func(s *settings) { s.Features = "statefulSets, daemonSets" })
			s := newSet(t, w, kind)
			s.awaitBaseline()

			s.change("v2", sampleapp.FailingThird())
			e := s.announcement(d, "bad", "v2")
			e.Kind = kind
			publishEvent(t, d, e)
			v := d.awaitState("bad", 150*time.Second, watch.RolledBack)

			require.Equal(t, "v1", v.Target)
			require.Equal(t, "v1", s.live())
			require.Len(t, s.patches(), 1)
			requireTimelineOf(t, d, v, "Error rate spike detected")
		})
	}
}

// TestGoodReleaseOfAStatefulSetIsLeftAlone: the counters of the version before, under the same pods' names, are not laid to
// the release.
func TestGoodReleaseOfAStatefulSetIsLeftAlone(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.Features = "statefulSets" })
	s := newSet(t, w, event.KindStatefulSet)
	s.awaitBaseline()
	s.setErrors("v1", 0.3) // it goes bad just before it is replaced
	s.awaitErrors()

	s.change("v2", sampleapp.Behaviour{})
	e := s.announcement(d, "good", "v2")
	e.Kind = event.KindStatefulSet
	publishEvent(t, d, e)
	cluster, complete := newCluster(t, w), time.Time{}
	v := d.await("good", 90*time.Second, "well for a while after its rollout", func(v watch.View) bool {
		for _, signal := range v.Signals {
			if signal.Kind == analyzer.KindErrorRate { // a request may be slow where the machine is busy
				require.Zero(t, signal.Counts.K, "errors of %s are laid to the release", signal.Signal)
			}
		}
		if _, done, err := rollback.RolloutStatus(s.read(cluster)); complete.IsZero() && err == nil && done {
			complete = time.Now()
		}
		return v.Final || !complete.IsZero() && v.LastTick.After(complete.Add(10*time.Second)) && v.Verdict == analyzer.Healthy
	})
	require.Equal(t, watch.Watching, v.State, v.Reason)
	require.Equal(t, "v2", s.live())
	require.Empty(t, s.patches())
}

// TestStatefulSetThatWouldNotFollowIsNotRolledBack: with the update strategy OnDelete nothing would happen.
func TestStatefulSetThatWouldNotFollowIsNotRolledBack(t *testing.T) {
	w := onStack(t)
	s := newSet(t, w, event.KindStatefulSet)
	cluster := newCluster(t, w)
	s.awaitRevision(cluster, 1) // of a template that is changed before the controller has seen it there would be none
	s.change("v2", sampleapp.Behaviour{})
	s.awaitRevision(cluster, 2)
	for reason, strategy := range map[string]string{
		"has the update strategy OnDelete": `{"type":"OnDelete","rollingUpdate":null}`,
		"are held at partition 1":          `{"type":"RollingUpdate","rollingUpdate":{"partition":1}}`,
	} {
		s.patch(types.MergePatchType, `{"spec":{"updateStrategy":`+strategy+`}}`)
		s.awaitRevision(cluster, 2)
		snapshot := s.read(cluster)
		pin, refusal := rollback.PinTo(snapshot, "1")
		require.Nil(t, refusal)
		_, refusal = rollback.MakePlan(pin, snapshot, false)
		require.NotNil(t, refusal)
		require.Equal(t, rollback.RefuseUpdateStrategy, refusal.Code)
		require.Contains(t, refusal.Reason, reason)
	}
}

// set is a service whose pods a StatefulSet or DaemonSet makes.
type set struct {
	service
	kind event.Kind
}

func newSet(t *testing.T, w *world, kind event.Kind) *set {
	t.Helper()
	s := &set{kind: kind, service: service{t: t, w: w, App: sampleapp.App{
		Client: w.client, Namespace: namespaceOf(t), Name: "web", Replicas: 3, RPS: 60}}}
	ctx := t.Context()
	_, err := w.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}}, metav1.CreateOptions{})
	require.True(t, err == nil || apierrors.IsAlreadyExists(err), "%v", err)
	meta := metav1.ObjectMeta{Name: s.Name, Namespace: s.Namespace}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": s.Name}}
	if kind == event.KindStatefulSet {
		_, err = w.client.AppsV1().StatefulSets(s.Namespace).Create(ctx, &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{
			Replicas: &s.Replicas, ServiceName: s.Name, Selector: selector, Template: s.template("v1", sampleapp.Behaviour{})}}, metav1.CreateOptions{})
	} else {
		_, err = w.client.AppsV1().DaemonSets(s.Namespace).Create(ctx, &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{
			Selector: selector, Template: s.template("v1", sampleapp.Behaviour{})}}, metav1.CreateOptions{})
	}
	require.NoError(t, err)
	meta.Annotations = map[string]string{sampleapp.AnnotationRPS: strconv.Itoa(s.RPS)}
	_, err = w.client.CoreV1().Services(s.Namespace).Create(ctx, &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
		Selector: selector.MatchLabels, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}}}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(s.remove)
	return s
}

func (s *set) remove() {
	ctx, cancel := toTidyUp(s.t)
	defer cancel()
	background := metav1.DeletePropagationBackground
	err := s.Client.AppsV1().RESTClient().Delete().Namespace(s.Namespace).Resource(s.resource()).Name(s.Name).
		Body(&metav1.DeleteOptions{PropagationPolicy: &background}).Do(ctx).Error()
	if err == nil {
		err = s.Client.CoreV1().Services(s.Namespace).Delete(ctx, s.Name, metav1.DeleteOptions{})
	}
	if err != nil {
		s.t.Error(err)
	}
}

func (s *set) resource() string { return strings.ToLower(string(s.kind)) + "s" }

func (s *set) template(version string, b sampleapp.Behaviour) corev1.PodTemplateSpec {
	annotations := map[string]string{sampleapp.AnnotationErrorRatio: fmt.Sprintf("%.4f", b.ErrorRatio)}
	for name, value := range b.Settings {
		annotations["sim.rollbackd.dev/"+name] = value
	}
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": s.Name, "app.kubernetes.io/version": version}, Annotations: annotations},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "app", Image: "registry.example/web:" + version, Ports: []corev1.ContainerPort{{ContainerPort: 8080}}}}},
	}
}

// change gives the workload another version, as a deploy tool would.
func (s *set) change(version string, b sampleapp.Behaviour) {
	s.t.Helper()
	patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/spec/template", "value": s.template(version, b)}})
	require.NoError(s.t, err)
	s.patch(types.JSONPatchType, string(patch))
}

func (s *set) patch(kind types.PatchType, body string) {
	s.t.Helper()
	err := s.Client.AppsV1().RESTClient().Patch(kind).Namespace(s.Namespace).Resource(s.resource()).Name(s.Name).
		Body([]byte(body)).Do(s.t.Context()).Error()
	require.NoError(s.t, err)
}

// setErrors changes how often the running pods of a version fail.
func (s *set) setErrors(version string, ratio float64) {
	s.t.Helper()
	require.NoError(s.t, s.SetErrorRatio(s.t.Context(), version, ratio))
}

// awaitErrors waits until the pods have failed a good deal.
func (s *set) awaitErrors() {
	s.t.Helper()
	s.awaitSeries(fmt.Sprintf(`sum(http_requests_total{namespace=%q,app=%q,code=~"5.."}) > 60`, s.Namespace, s.Name))
}

func (s *set) workload() rollback.Workload {
	return rollback.Workload{Kind: rollback.KindNamed(string(s.kind)), Namespace: s.Namespace, Name: s.Name}
}

func (s *set) read(cluster *rollback.Cluster) rollback.Snapshot {
	s.t.Helper()
	snapshot, err := cluster.Read(s.t.Context(), s.workload(), nil)
	require.NoError(s.t, err)
	return snapshot
}

// awaitRevision waits until the controller has acted on the newest change and there are so many revisions.
func (s *set) awaitRevision(cluster *rollback.Cluster, revisions int) {
	s.t.Helper()
	eventually(s.t, time.Minute, func() (bool, string) {
		snapshot := s.read(cluster)
		return snapshot.Live != nil && len(snapshot.Revisions) == revisions && snapshot.ObservedGeneration >= snapshot.Generation,
			fmt.Sprintf("it has the revisions %+v", snapshot.Revisions)
	})
}

// live is the version that the workload's template names.
func (s *set) live() string {
	s.t.Helper()
	return s.read(newCluster(s.t, s.w)).Version()
}

// patches are those of rollbackd.
func (s *set) patches() []localstack.AuditEvent {
	s.t.Helper()
	events, err := s.w.stack.Audit(s.t.Context(), localstack.AuditQuery{
		Verb: "patch", Resource: s.resource(), Namespace: s.Namespace, Name: s.Name, User: daemonUser(s.Namespace)})
	require.NoError(s.t, err)
	return landed(events)
}

// TestStatefulSetWaitsForAPodThatIsNotReady: Kubernetes does not replace it, whatever the template is by then, and the pod
// is named to whoever must.
func TestStatefulSetWaitsForAPodThatIsNotReady(t *testing.T) {
	w := onStack(t)
	s := newSet(t, w, event.KindStatefulSet)
	cluster := newCluster(t, w)
	s.awaitRollout(cluster)
	s.change("v2", sampleapp.Behaviour{Settings: map[string]string{"ready": "off"}})
	var snapshot rollback.Snapshot
	eventually(t, time.Minute, func() (bool, string) {
		snapshot = s.read(cluster)
		acted := snapshot.ObservedGeneration >= snapshot.Generation // without which nothing is planned
		return acted && snapshot.Live != nil && snapshot.Live.Replicas == 1, fmt.Sprintf("the pods are %+v", snapshot.Pods)
	})
	pin, refusal := rollback.PinTo(snapshot, "1")
	require.Nil(t, refusal)
	plan, refusal := rollback.MakePlan(pin, snapshot, false)
	require.Nil(t, refusal)
	result, detail, err := cluster.Apply(t.Context(), plan, "intent-1")
	require.NoError(t, err)
	require.Equal(t, rollback.Landed, result, detail)
	landed := time.Now()
	eventually(t, time.Minute, func() (bool, string) { // the controller has had time to replace it
		words := rollback.Stuck(s.read(cluster))
		return time.Since(landed) > 4*time.Second && strings.Contains(words, "pod web-2 is of another version and not ready"), "Stuck says " + words
	})

	require.NoError(t, s.Client.CoreV1().Pods(s.Namespace).Delete(t.Context(), "web-2", metav1.DeleteOptions{}))
	s.awaitRollout(cluster)
	require.Empty(t, rollback.Stuck(s.read(cluster)))
}

func (s *set) awaitRollout(cluster *rollback.Cluster) {
	s.t.Helper()
	eventually(s.t, time.Minute, func() (bool, string) {
		message, done, err := rollback.RolloutStatus(s.read(cluster))
		require.NoError(s.t, err)
		return done, message
	})
}

// TestASetIsRolledBackByHand: nobody has told of the workload, so that the person says of which kind it is.
func TestASetIsRolledBackByHand(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.Mode, s.Features = "observe", "statefulSets" })
	s := newSet(t, w, event.KindStatefulSet)
	s.awaitBaseline()
	s.change("v2", sampleapp.Behaviour{})
	s.awaitRevision(newCluster(t, w), 2)
	workload := s.Namespace + "/" + s.Name

	code, _, problems := d.ctl("rollback", workload, "--env", "production", "--dry-run")
	require.Equal(t, 1, code)
	require.Contains(t, problems, "say so with --kind")
	eventually(t, time.Minute, func() (bool, string) {
		code, out, problems := d.ctl("rollback", workload, "--env", "production", "--kind", "statefulset", "--dry-run")
		return code == 0 && strings.Contains(out, "* the API server would accept it"), out + problems
	})
	require.Empty(t, s.patches())
	code, out, problems := d.ctl("rollback", workload, "--env", "production", "--kind", "statefulset", "--wait")
	require.Zero(t, code, problems+out)
	require.Equal(t, "v1", s.live())
	require.Len(t, s.patches(), 1)
	all := d.watches()
	require.Len(t, all, 1)
	require.Equal(t, "StatefulSet", all[0].Kind)
}
