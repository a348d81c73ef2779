package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/pflag"
	"k8s.io/client-go/dynamic"

	"github.com/rollbackd/rollbackd/internal/backtest"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// clusterHistory takes the deployments from what the cluster still holds of them.
type clusterHistory struct {
	since, namespace, environment, kubeconfig string
	print                                     bool
}

func (c *clusterHistory) register(flags *pflag.FlagSet) {
	flags.StringVar(&c.since, "since", "", "take the deployments of the last days or hours from the cluster's ReplicaSets, such as 30d")
	flags.StringVar(&c.namespace, "namespace", "", "with --since: only this namespace (default all that the policies can match)")
	flags.StringVar(&c.environment, "environment", "", "with --since: the environment that the cluster is (default the only one configured)")
	flags.StringVar(&c.kubeconfig, "kubeconfig", "", "with --since: kubeconfig of the cluster (default that of the configuration)")
	flags.BoolVar(&c.print, "print-events", false, "with --since: print the deployments as native events, to be edited, and replay nothing")
}

// check refuses what makes no sense together.
func (c *clusterHistory) check() error {
	if c.since == "" {
		if c.print || c.namespace != "" || c.environment != "" || c.kubeconfig != "" {
			return errors.New("--print-events, --namespace, --environment and --kubeconfig have a meaning with --since only")
		}
		return nil
	}
	if span, err := model.ParseDuration(c.since); err != nil || span == 0 {
		return fmt.Errorf("--since %s is not a span of time; write it as 30d, 12h or 1d12h", event.Quote(c.since))
	}
	if c.namespace != "" && !event.IsName(c.namespace) {
		return fmt.Errorf("--namespace %s is not a namespace's name; use it as Kubernetes has it", event.Quote(c.namespace))
	}
	return nil
}

// deployments lists what was deployed until now; if that is nothing there is an error.
func (c *clusterHistory) deployments(ctx context.Context, cfg *config.Config, now time.Time) ([]event.Event, error) {
	environment, err := c.chooseEnvironment(cfg.Environments)
	if err != nil {
		return nil, err
	}
	span, err := model.ParseDuration(c.since)
	if err != nil {
		return nil, err
	}
	past := backtest.Cluster{Environment: environment, Policies: cfg.WatchPolicies(), Since: now.Add(-time.Duration(span)), Until: now}
	histories, err := c.histories(ctx, cfg, past)
	if err != nil {
		return nil, err
	}
	events := past.Deployments(histories)
	if len(events) == 0 {
		return nil, fmt.Errorf("the cluster knows of no deployment in the last %s of a workload that a policy covers in %s; it has %s there",
			c.since, environment, count(len(histories), "Deployment"))
	}
	return events, nil
}

func (c *clusterHistory) chooseEnvironment(configured []string) (string, error) {
	for _, e := range configured {
		if e == c.environment || c.environment == "" && len(configured) == 1 {
			return e, nil
		}
	}
	if c.environment == "" {
		return "", fmt.Errorf("the configuration has %s; say with --environment which one the cluster is", strings.Join(configured, ", "))
	}
	return "", fmt.Errorf("--environment %s is not one of the configuration's; use one of %s", event.Quote(c.environment), strings.Join(configured, ", "))
}

// histories lists those of the namespaces that matter; it only reads.
func (c *clusterHistory) histories(ctx context.Context, cfg *config.Config, past backtest.Cluster) ([]rollback.History, error) {
	namespaces, few := past.Namespaces()
	switch {
	case c.namespace != "":
		namespaces = []string{c.namespace}
	case !few:
		namespaces = []string{""}
	}
	if c.kubeconfig != "" {
		cfg.Kubernetes.Kubeconfig, cfg.Kubernetes.Context = c.kubeconfig, ""
	}
	rc, err := cfg.Kubernetes.Client()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(rc)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	cluster := rollback.NewCluster(client, rollback.Options{
		Timeout: time.Duration(cfg.Kubernetes.Timeout), VersionLabels: cfg.Kubernetes.VersionLabels,
	})
	var out []rollback.History
	for _, namespace := range namespaces {
		found, err := cluster.Histories(ctx, namespace)
		if rollback.IsForbidden(err) && namespace == "" {
			return nil, fmt.Errorf("%w; give --namespace, or name namespaces in the match of the policies", err)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// printEvents prints the deployments as they would have been published.
func (b *backtester) printEvents(events []event.Event) error {
	for _, e := range events {
		if err := writeJSON(b.around.out, e); err != nil {
			return err
		}
	}
	return nil
}
