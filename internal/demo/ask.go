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

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// prove asks the servers how a story ended and prints what they say. It fails unless everything is as it must be.
func (s *stage) prove(ctx context.Context, story story, v watch.View, began time.Time) error {
	e, err := s.evidence(ctx, v, began)
	if err != nil {
		return fmt.Errorf("%s: %w", story.title, err)
	}
	s.screen.line("")
	s.screen.line("    Proof, asked from the servers themselves:")
	failed := 0
	for _, c := range story.want.judge(e) {
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

func (s *stage) evidence(ctx context.Context, v watch.View, began time.Time) (evidence, error) {
	e := evidence{watch: v, replicas: int(s.app.Replicas)}
	var errs [4]error
	e.live, errs[0] = s.app.LiveVersion(ctx)
	errs[1] = s.countPods(ctx, &e)
	e.changes, errs[2] = s.changes(ctx, began)
	e.measured, errs[3] = s.measure(ctx)
	if len(v.Signals) > 0 {
		e.measured.limit = v.Signals[0].Limit
	}
	return e, errors.Join(errs[:]...)
}

func (s *stage) countPods(ctx context.Context, e *evidence) error {
	pods, err := s.app.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + workload})
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

// changes returns every successful write of the daemon since the story began, whatever it was made to.
func (s *stage) changes(ctx context.Context, began time.Time) ([]localstack.AuditEvent, error) {
	calls, err := s.stack.Audit(ctx, localstack.AuditQuery{User: "rollbackd"})
	if err != nil {
		return nil, err
	}
	reading := []string{"get", "list", "watch"}
	return slices.DeleteFunc(calls, func(c localstack.AuditEvent) bool {
		return slices.Contains(reading, c.Verb) || c.Code >= 300 || c.Time.Before(began)
	}), nil
}

// measure asks Prometheus for the error rate of the whole service, whatever version answered.
func (s *stage) measure(ctx context.Context) (rate, error) {
	prometheus, err := s.prometheus()
	if err != nil {
		return rate{}, err
	}
	r := rate{over: shortened().VerifyFor}
	selector := fmt.Sprintf(`namespace=%q,app=%q`, namespace, workload)
	over := fmt.Sprintf("[%gs]", r.over.Seconds())
	for query, into := range map[string]*float64{
		"sum(increase(http_requests_total{" + selector + "}" + over + "))":                          &r.requests,
		"sum(increase(http_requests_total{" + selector + `,code=~"5.."}` + over + ")) or vector(0)": &r.errors,
	} {
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

func (s *stage) prometheus() (v1.API, error) {
	client, err := api.NewClient(api.Config{Address: s.stack.Prometheus})
	if err != nil {
		return nil, fmt.Errorf("connect to Prometheus: %w", err)
	}
	return v1.NewAPI(client), nil
}

// versions says what the servers are, by their own word.
func (s *stage) versions(ctx context.Context) (string, error) {
	kubernetes, err := s.app.Client.Discovery().ServerVersion()
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
