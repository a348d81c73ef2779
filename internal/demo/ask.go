package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// prove asks the servers how a story ended and prints what they say. It fails unless everything is as it must be.
func (s *stage) prove(ctx context.Context, story story, v watch.View, began time.Time) error {
	e, err := s.evidence(ctx, story, v, began)
	if err != nil {
		return fmt.Errorf("%s: %w", story.title, err)
	}
	s.screen.line("")
	s.screen.line("    Proof, asked from the servers themselves:")
	failed := 0
	for _, c := range story.judge(e) {
		s.screen.check(c)
		if !c.ok {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%s: %d of its proofs failed", story.title, failed)
	}
	return nil
}

func (s *stage) evidence(ctx context.Context, story story, v watch.View, began time.Time) (evidence, error) {
	front, err := story.service.front(ctx)
	if err != nil {
		return evidence{}, err
	}
	e := evidence{watch: v, colour: front.Colour, replicas: int(front.Replicas), detected: s.detected(ctx, v)}
	var errs [4]error
	e.live, errs[0] = front.LiveVersion(ctx)
	errs[1] = s.countPods(ctx, front, &e)
	e.changes, errs[2] = s.changes(ctx, began)
	e.measured, errs[3] = s.measure(ctx, story)
	if i := slices.IndexFunc(v.Signals, func(a analyzer.Assessment) bool { return a.Signal == story.signal }); i >= 0 {
		e.measured.limit, e.measured.limitLatency = v.Signals[i].Limit, v.Signals[i].LimitLatency
	}
	return e, errors.Join(errs[:]...)
}

// countPods counts those of a Deployment.
func (s *stage) countPods(ctx context.Context, app sampleapp.App, e *evidence) error {
	selector := "app=" + app.Name
	if app.Colour != "" {
		selector += "," + sampleapp.ColourLabel + "=" + app.Colour
	}
	pods, err := app.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return fmt.Errorf("list the pods: %w", err)
	}
	e.running = len(pods.Items)
	for _, p := range pods.Items {
		if p.Labels["app.kubernetes.io/version"] == e.live && ready(p) {
			e.ready++
		}
	}
	return nil
}

func ready(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// changes returns every successful write of the daemon since the story began, whatever it was made to, but for the marks of
// the workloads that it watches.
func (s *stage) changes(ctx context.Context, began time.Time) ([]localstack.AuditEvent, error) {
	calls, err := s.stack.Audit(ctx, localstack.AuditQuery{User: "rollbackd"})
	if err != nil {
		return nil, err
	}
	reading := []string{"get", "list", "watch"}
	return slices.DeleteFunc(calls, func(c localstack.AuditEvent) bool {
		return slices.Contains(reading, c.Verb) || c.Code >= 300 || c.OnlyAnnotates() || c.Time.Before(began)
	}), nil
}

// measure asks Prometheus for what a story is about: of the whole service, whatever version answered.
func (s *stage) measure(ctx context.Context, story story) (rate, error) {
	prometheus, err := s.prometheus()
	if err != nil {
		return rate{}, err
	}
	r := rate{kind: analyzer.KindErrorRate, over: shortened().VerifyFor}
	if story.signal == signalLatency {
		r.kind = analyzer.KindLatency
	}
	for query, into := range r.queries(story.service.Name) {
		value, _, _, err := prometheus.Query(ctx, query, time.Now())
		if err != nil {
			return rate{}, fmt.Errorf("ask Prometheus: %w", err)
		}
		if vector, ok := value.(model.Vector); ok && len(vector) == 1 {
			*into = float64(vector[0].Value)
		}
	}
	return r, nil
}

// queries are what to ask, with where the answers belong.
func (r *rate) queries(app string) map[string]*float64 {
	selector := fmt.Sprintf(`namespace=%q,app=%q`, namespace, app)
	over := fmt.Sprintf("[%gs]", r.over.Seconds())
	all := "sum(increase(http_requests_total{" + selector + "}" + over + "))"
	if r.kind == analyzer.KindLatency {
		buckets := "sum by (le) (rate(http_request_duration_seconds_bucket{" + selector + "}" + over + "))"
		return map[string]*float64{all: &r.requests, "histogram_quantile(0.95, " + buckets + ")": &r.p95}
	}
	failed := "sum(increase(http_requests_total{" + selector + `,code=~"5.."}` + over + ")) or vector(0)"
	return map[string]*float64{all: &r.requests, failed: &r.errors}
}

func (s *stage) prometheus() (v1.API, error) {
	client, err := api.NewClient(api.Config{Address: s.stack.Prometheus})
	if err != nil {
		return nil, fmt.Errorf("connect to Prometheus: %w", err)
	}
	return v1.NewAPI(client), nil
}

// versions says what the servers are, by their own word.
func (s *stage) versions(ctx context.Context) (string, error) {
	kubernetes, err := s.checkout.Client.Discovery().ServerVersion()
	if err != nil {
		return "", fmt.Errorf("ask the API server for its version: %w", err)
	}
	prometheus, err := s.prometheus()
	if err != nil {
		return "", err
	}
	build, err := prometheus.Buildinfo(ctx)
	if err != nil {
		return "", fmt.Errorf("ask Prometheus for its version: %w", err)
	}
	// A Prometheus that was built by go install does not know its version.
	name := strings.TrimSpace("Prometheus " + build.Version)
	return fmt.Sprintf("Kubernetes %s and %s run on this machine; NATS runs inside rollbackd.", kubernetes.GitVersion, name), nil
}
