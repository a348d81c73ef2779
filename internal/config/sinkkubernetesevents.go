package config

import (
	"cmp"
	"os"

	"github.com/rollbackd/rollbackd/notifier"
)

// KubernetesEventsSink writes an Event for each notice beside its workload. It takes the permission to create events of events.k8s.io in the
// workloads' namespaces. It has no keys: write it as kubernetesEvents: {}.
type KubernetesEventsSink struct{}

func (*KubernetesEventsSink) check(*checker, func(...any) []any) {}

func (*KubernetesEventsSink) resolve(string) {}

// manner lets each notice have its Event: a group is of no workload.
func (*KubernetesEventsSink) manner() manner { return manner{} }

func (*KubernetesEventsSink) build(name string, tools SinkTools) (notifier.Sink, error) {
	rc, err := tools.Kubernetes()
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname() // in a cluster the pod's name
	return notifier.NewKubernetesEvents(notifier.KubernetesEventsOptions{Name: name, Config: rc, Instance: cmp.Or(host, "rollbackd-"+tools.instance)})
}
