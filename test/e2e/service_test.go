package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
)

// service is the app that a test deploys.
type service struct {
	sampleapp.App
	t *testing.T
	w *world
}

// newService deploys version v1, which behaves well, and lets it serve long enough to be a baseline.
func newService(t *testing.T, w *world) *service {
	t.Helper()
	return newServiceBehaving(t, w, sampleapp.Behaviour{})
}

// newServiceBehaving is newService with a behaviour of v1.
func newServiceBehaving(t *testing.T, w *world, b sampleapp.Behaviour) *service {
	t.Helper()
	s := createService(t, w, 60, b)
	s.awaitBaseline()
	return s
}

// awaitBaseline waits until the service has served for long enough to be a baseline, and that has been scraped, which a busy machine does late
// or not at all: nothing is counted over a gap of more than 2.5 scrapes, and without a baseline nothing is ever judged. Of sixteen scrapes
// of which nine succeeded at least five follow their predecessors closely enough.
func (s *service) awaitBaseline() {
	s.t.Helper()
	s.awaitServed(14 * time.Second)
	counter := fmt.Sprintf("http_requests_total{namespace=%q,app=%q}", s.Namespace, s.Name)
	s.awaitSeries(fmt.Sprintf("sum(max_over_time(%[1]s[2m]) - min_over_time(%[1]s[2m])) > 200 and "+
		"count(max by (pod) (count_over_time(%[1]s[16s])) >= 9) >= %[2]d", counter, s.Replicas))
}

// awaitScraped waits until Prometheus has counted more than so many requests of each of so many apps in the service's namespace, without
// gaps that would leave them without a baseline.
func (s *service) awaitScraped(requests, apps int) {
	s.t.Helper()
	counter := fmt.Sprintf("http_requests_total{namespace=%q}", s.Namespace)
	s.awaitSeries(fmt.Sprintf("count(sum by (app) (max_over_time(%[1]s[2m]) - min_over_time(%[1]s[2m])) > %[2]d and "+
		"min by (app) (max by (app, pod) (count_over_time(%[1]s[16s]))) >= 9) >= %[3]d", counter, requests, apps))
}

// newServiceWith deploys version v1 with so many requests a second.
func newServiceWith(t *testing.T, w *world, rps int) *service {
	t.Helper()
	return createService(t, w, rps, sampleapp.Behaviour{})
}

func createService(t *testing.T, w *world, rps int, b sampleapp.Behaviour) *service {
	t.Helper()
	return createNamed(t, w, "checkout", rps, b)
}

func createNamed(t *testing.T, w *world, name string, rps int, b sampleapp.Behaviour) *service {
	t.Helper()
	s := &service{t: t, w: w, App: sampleapp.App{Client: w.client, Namespace: namespaceOf(t), Name: name, Replicas: 3, RPS: rps}}
	require.NoError(t, s.Create(t.Context(), "v1", b))
	s.deleteAfter()
	return s
}

// deleteAfter deletes the service when the test is over: a stack that is kept up must not go on serving it, and the next run makes it
// anew.
func (s *service) deleteAfter() {
	s.t.Cleanup(func() {
		ctx, cancel := toTidyUp(s.t)
		defer cancel()
		if s.t.Failed() {
			s.showPods(ctx)
		}
		if err := s.Delete(ctx); err != nil {
			s.t.Error(err)
		}
	})
}

// showPods shows how the cluster and the simulator see the service's pods, for whoever wonders why a test failed.
func (s *service) showPods(ctx context.Context) {
	pods, err := s.Client.CoreV1().Pods(s.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + s.Name})
	s.t.Logf("the cluster's pods of %s: %v", s.Name, err)
	if err == nil {
		for _, p := range pods.Items {
			s.t.Logf("  %s of %s: %s on %q, ready: %v", p.Name, p.Labels["app.kubernetes.io/version"], p.Status.Phase, p.Spec.NodeName, isReady(p.Status))
		}
	}
	played, err := s.w.stack.Pods(ctx, s.Namespace)
	s.t.Logf("the simulator's pods of %s: %v", s.Name, err)
	for _, p := range played {
		if p.App == s.Name {
			s.t.Logf("  %s of %s: ready: %v, %d requests, %d failed %s", p.Name, p.Version, p.Ready, p.Requests, p.Errors, p.Problem)
		}
	}
}

// toTidyUp is the context of what is done once a test is over, whose own has ended then.
func toTidyUp(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(t.Context()), patience*20*time.Second)
}

// awaitServed waits until the service's pods have served for that long.
func (s *service) awaitServed(d time.Duration) {
	s.t.Helper()
	eventually(s.t, d+30*time.Second, func() (bool, string) {
		pods := s.pods()
		if len(pods) == 0 {
			return false, "the simulator serves no pod"
		}
		for _, p := range pods {
			if p.Requests > 0 && time.Since(p.CreatedAt) >= d {
				return true, ""
			}
		}
		return false, "no pod has served for " + d.String()
	})
}

// pods are those of the service that the simulator has served.
func (s *service) pods() []localstack.Pod {
	s.t.Helper()
	all, err := s.w.stack.Pods(s.t.Context(), s.Namespace)
	require.NoError(s.t, err)
	return slices.DeleteFunc(all, func(p localstack.Pod) bool { return p.App != s.Name })
}

func (s *service) deploy(version string, b sampleapp.Behaviour) {
	s.t.Helper()
	require.NoError(s.t, s.Deploy(s.t.Context(), version, b))
}

func (s *service) deployment() *appsv1.Deployment {
	s.t.Helper()
	live, err := s.Client.AppsV1().Deployments(s.Namespace).Get(s.t.Context(), s.Name, metav1.GetOptions{})
	require.NoError(s.t, err)
	return live
}

// edit changes the Deployment as a deploy tool does, and tries again where a controller changed it since it was read.
func (s *service) edit(change func(*appsv1.Deployment)) {
	s.t.Helper()
	often := wait.Backoff{Steps: 200, Duration: 50 * time.Millisecond}
	require.NoError(s.t, retry.RetryOnConflict(often, func() error {
		live := s.deployment()
		change(live)
		_, err := s.Client.AppsV1().Deployments(s.Namespace).Update(s.t.Context(), live, metav1.UpdateOptions{FieldManager: "deploy-tool"})
		return err
	}))
}

func (s *service) requireLive(version string) {
	s.t.Helper()
	live, err := s.LiveVersion(s.t.Context())
	require.NoError(s.t, err)
	require.Equal(s.t, version, live, "the version that the API server shows")
}

// rollbacks are the patches by which rollbackd changed the service, as the API server's audit log has them.
func (s *service) rollbacks() []localstack.AuditEvent {
	s.t.Helper()
	// The API server writes its log before it ends an answer, so that what somebody was answered is in it.
	events, err := s.w.stack.Audit(s.t.Context(), localstack.AuditQuery{
		Verb: "patch", Resource: "deployments", Namespace: s.Namespace, Name: s.Name, User: daemonUser(s.Namespace),
	})
	require.NoError(s.t, err)
	return landed(events)
}

// landed are the calls that changed more than annotations.
func landed(events []localstack.AuditEvent) []localstack.AuditEvent {
	var out []localstack.AuditEvent
	for _, e := range events {
		if e.Code < 300 && !strings.Contains(e.URI, "dryRun=") && !e.OnlyAnnotates() {
			out = append(out, e)
		}
	}
	return out
}

// announcement returns the event that a deploy tool would publish.
func (s *service) announcement(d *daemon, id, version string) event.Event {
	return event.Event{
		ID: id, Timestamp: time.Now().UTC(), Environment: d.Environment, Namespace: s.Namespace, Workload: s.Name,
		Version: version, PreviousVersion: "v1", Operator: "pipeline", Status: event.StatusSuccess,
	}
}

// publish sends a document as the deploy tool's NATS user and returns its sequence in the stream.
func publish(t *testing.T, d *daemon, subject string, document []byte) uint64 {
	t.Helper()
	js, err := jetstream.New(connect(t, d))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience*10*time.Second)
	defer cancel()
	ack, err := js.Publish(ctx, subject, document)
	require.NoError(t, err)
	return ack.Sequence
}

func connect(t *testing.T, d *daemon) *nats.Conn {
	t.Helper()
	address := "nats://" + d.NATS
	if d.External != "" {
		address = d.External
	}
	nc, err := nats.Connect(address, nats.UserInfo("deployer", password), nats.CustomInboxPrefix("_INBOX_deployer"), nats.Timeout(patience*10*time.Second))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func (s *service) announce(d *daemon, id, version string) {
	s.t.Helper()
	publishEvent(s.t, d, s.announcement(d, id, version))
}

// publishEvent sends an event on the subject of its own workload and returns its sequence in the stream.
func publishEvent(t *testing.T, d *daemon, e event.Event) uint64 {
	t.Helper()
	document, err := json.Marshal(e)
	require.NoError(t, err)
	return publish(t, d, e.Target().Subject(), document)
}
