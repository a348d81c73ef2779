package config

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"

	"github.com/rollbackd/rollbackd/internal/event"
)

// LeaderElection lets several replicas run, of which one leads and the others stand by.
type LeaderElection struct {
	// Enabled has the replicas of this instance elect a leader by a Lease (coordination.k8s.io/v1). It needs nats.url. Default
	// false.
	Enabled bool `yaml:"enabled"`
	// Namespace is the Lease's. Empty means that of the daemon's own pod, or else the kubeconfig's.
	Namespace string `yaml:"namespace"`
	// Name is the Lease's. Empty means rollbackd- and the instance.
	Name string `yaml:"name"`
	// LeaseDuration is after how long without a renewal another replica takes over, in whole seconds. Default 15s.
	LeaseDuration model.Duration `yaml:"leaseDuration"`
	// RenewDeadline is after how long without a renewal the leader stops by itself; nothing is begun later than this after the
	// newest one. Default 10s.
	RenewDeadline model.Duration `yaml:"renewDeadline"`
	// RetryPeriod is the time between two tries to get or to renew the lease. Default 2s.
	RetryPeriod model.Duration `yaml:"retryPeriod"`
}

// defaultLeaderElection are the usual figures of client-go.
func defaultLeaderElection() LeaderElection {
	return LeaderElection{
		LeaseDuration: model.Duration(15 * time.Second),
		RenewDeadline: model.Duration(10 * time.Second),
		RetryPeriod:   model.Duration(2 * time.Second),
	}
}

// LeaseNamespace is the namespace of the Lease for a daemon that talks to this API server.
func (l LeaderElection) LeaseNamespace(k Kubernetes) (string, error) {
	if l.Namespace != "" {
		return l.Namespace, nil
	}
	namespace, _, err := k.clientConfig().Namespace()
	if err != nil {
		return "", fmt.Errorf("leaderElection.namespace: it is not given, and the pod's own is not known: %w", err)
	}
	return namespace, nil
}

// LeaseName is the name of the Lease for an instance.
func (l LeaderElection) LeaseName(instance string) string {
	if l.Name != "" {
		return l.Name
	}
	return "rollbackd-" + instance
}

func (l LeaderElection) check(k *checker, n NATS) {
	at := func(field string) []any { return []any{"leaderElection", field} }
	if l.Enabled && n.URL == "" {
		k.say(at("enabled"), "true needs nats.url: the embedded NATS keeps everything in one replica, so that another one that took over would know of no watch; "+
			"run a NATS of your own, or one replica")
	}
	if l.Namespace != "" && !event.IsName(l.Namespace) {
		k.say(at("namespace"), "%q is not a namespace's name; use it as Kubernetes has it", l.Namespace)
	}
	if l.Name != "" && !leaseName.MatchString(l.Name) {
		k.say(at("name"), "%q is not a Lease's name; use lower-case letters, digits, dashes and dots", l.Name)
	}
	k.positive(at("retryPeriod"), l.RetryPeriod)
	if least := time.Duration(leaderelection.JitterFactor * float64(l.RetryPeriod)); time.Duration(l.RenewDeadline) <= least {
		k.say(at("renewDeadline"), "%s leaves no time to try again; make it longer than %v times retryPeriod, which is %s",
			l.RenewDeadline, leaderelection.JitterFactor, l.RetryPeriod)
	}
	if l.LeaseDuration <= l.RenewDeadline {
		k.say(at("leaseDuration"), "%s is not longer than renewDeadline, which is %s: another replica would take over while the leader still acts; make it longer",
			l.LeaseDuration, l.RenewDeadline)
	}
	if d := time.Duration(l.LeaseDuration); d%time.Second != 0 {
		k.say(at("leaseDuration"), "%s is not a whole number of seconds, which is all that a Lease can hold; write it as 15s", l.LeaseDuration)
	}
}

func (k Kubernetes) clientConfig() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = k.Kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: k.Context})
}
