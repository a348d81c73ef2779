package config

import (
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/internal/access"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// KubernetesFeature is a feature that events or the cluster decide on, and not the configuration.
type KubernetesFeature string

// The features.
const (
	UsesBlueGreen    KubernetesFeature = "blueGreen"
	UsesCanary       KubernetesFeature = "canary"
	UsesStatefulSets KubernetesFeature = "statefulSets"
	UsesDaemonSets   KubernetesFeature = "daemonSets"
	UsesArgoCD       KubernetesFeature = "argoCD"
	UsesFluxHelm     KubernetesFeature = "fluxHelm"
	UsesKEDA         KubernetesFeature = "keda"
)

func defaultKubernetes() Kubernetes {
	return Kubernetes{
		Timeout: model.Duration(10 * time.Second), ArgoCDNamespace: "argocd", VersionLabels: rollback.DefaultVersionLabels(),
		Features: []KubernetesFeature{UsesBlueGreen, UsesCanary},
	}
}

func (k Kubernetes) check(c *checker, policies []Policy) {
	c.positive([]any{"kubernetes", "timeout"}, k.Timeout)
	c.namespace([]any{"kubernetes", "argoCDNamespace"}, k.ArgoCDNamespace)
	for i, namespace := range k.Namespaces {
		c.namespace([]any{"kubernetes", "namespaces", i}, namespace)
	}
	k.checkVersionLabels(c)
	known := []KubernetesFeature{UsesBlueGreen, UsesCanary, UsesStatefulSets, UsesDaemonSets, UsesArgoCD, UsesFluxHelm, UsesKEDA}
	for i, f := range k.Features {
		if !slices.Contains(known, f) {
			c.say([]any{"kubernetes", "features", i}, "%q is not a feature that is named here; use one of %q", f, known)
		}
	}
	if k.ReadOnly {
		checkReadOnly(c, policies)
	}
	if len(k.Namespaces) == 0 {
		return
	}
	for i, p := range policies {
		for j, m := range p.Match {
			if names := watch.Namespaces([]watch.Policy{{Match: []watch.Match{watch.Match(m)}}}); names[0] != "" && !slices.Contains(k.Namespaces, names[0]) {
				c.say([]any{"policies", i, "match", j, "namespace"}, "%q is not one of kubernetes.namespaces, so that rollbackd would not see it; list it there", m.Namespace)
			}
		}
	}
}

// checkReadOnly refuses policies that would have a daemon act that may not.
func checkReadOnly(c *checker, policies []Policy) {
	for i, p := range policies {
		for _, s := range []struct {
			path []any
			mode watch.Mode
		}{
			{[]any{"mode"}, p.Mode}, {[]any{"stages", "active", "mode"}, p.Stages.Active.Mode},
			{[]any{"stages", "onCall", "mode"}, p.Stages.OnCall.Mode}, {[]any{"stages", "enhanced", "mode"}, p.Stages.Enhanced.Mode},
		} {
			if s.mode != watch.Observe {
				c.say(append([]any{"policies", i}, s.path...), "is %s, and with kubernetes.readOnly rollbackd can only observe; write observe, or take readOnly away and grant its permissions", s.mode)
				break
			}
		}
	}
}

// Access is what the daemon must be allowed on Kubernetes for all that this configuration has it do. The namespace of its Lease is
// in it only where the configuration names it.
func (c *Config) Access() access.Grant {
	g := access.Grant{
		ReadOnly:   c.Kubernetes.ReadOnly,
		Namespaces: c.WatchedNamespaces(), Own: c.LeaderElection.Namespace, Lease: c.LeaderElection.LeaseName(c.Instance), ArgoCD: c.Kubernetes.ArgoCDNamespace,
	}
	if slices.Contains(g.Namespaces, "") {
		g.Namespaces, g.All = nil, true
	}
	return g.With(access.Base, access.ConfigMaps, access.PodEvents).With(c.features()...)
}

// WatchedNamespaces are those in which the daemon has its permissions; the empty one alone stands for all.
func (c *Config) WatchedNamespaces() []string {
	if len(c.Kubernetes.Namespaces) > 0 {
		return c.Kubernetes.Namespaces
	}
	return watch.Namespaces(c.compiled)
}

// WatchedKinds are those of workloads, beside Deployments, that the daemon is let see.
func (c *Config) WatchedKinds() (out []rollback.Kind) {
	for _, f := range c.Access().Features {
		switch f {
		case access.StatefulSets:
			out = append(out, rollback.KindStatefulSet)
		case access.DaemonSets:
			out = append(out, rollback.KindDaemonSet)
		}
	}
	return out
}

// features are those that this configuration uses, besides what every one does.
func (c *Config) features() []access.Feature {
	var out []access.Feature
	for _, f := range c.Kubernetes.Features {
		out = append(out, access.Feature(f)) // they have the same names
	}
	uses := func(f KubernetesFeature) bool { return slices.Contains(c.Kubernetes.Features, f) }
	some := func(is func(Policy) bool) bool { return slices.ContainsFunc(c.Policies, is) }
	holds := some(func(p Policy) bool { return p.GitOps == rollback.GitOpsHold })
	jobs := some(Policy.testsByJobs) || !c.Kubernetes.ReadOnly && some(func(p Policy) bool { return p.Migration != nil })
	logs := c.Diagnosis.Enabled && c.Diagnosis.Logs
	for _, f := range []struct {
		feature access.Feature
		used    bool
	}{
		{access.Autoscalers, uses(UsesCanary) && some(func(p Policy) bool { return p.Canary.Rollback == scaleToZero }) ||
			uses(UsesBlueGreen) && some(func(p Policy) bool { return p.BlueGreen.ScaleUp })},
		{access.PodLogs, logs || jobs},
		{access.StatefulSets, c.sourcesName(KindStatefulSet)},
		{access.DaemonSets, c.sourcesName(KindDaemonSet)},
		{access.Jobs, jobs},
		{access.Secrets, c.Kubernetes.CheckSecrets},
		{access.ArgoCDHold, holds && uses(UsesArgoCD)},
		{access.FluxHelmHold, holds && uses(UsesFluxHelm)},
		{access.KubernetesEvents, slices.ContainsFunc(c.Notify.Sinks, func(s NotifySink) bool { return s.KubernetesEvents != nil })},
		{access.LeaderElection, c.LeaderElection.Enabled},
	} {
		if f.used {
			out = append(out, f.feature)
		}
	}
	return out
}

// testsByJobs reports whether the policy has smoke tests that are Jobs.
func (p Policy) testsByJobs() bool {
	return slices.ContainsFunc(p.Signals, func(s Signal) bool { return s.Job != nil })
}

// sourcesName reports whether a source is about workloads of a kind.
func (c *Config) sourcesName(kind WorkloadKind) bool {
	return slices.ContainsFunc(c.Sources, func(s Source) bool { return slices.Contains(s.Target.Kinds, kind) })
}

// unheld warns of holds that no Role would allow.
func (c *Config) unheld(warn func(path []any, format string, args ...any)) {
	if slices.Contains(c.Kubernetes.Features, UsesArgoCD) || slices.Contains(c.Kubernetes.Features, UsesFluxHelm) {
		return
	}
	for i, p := range c.Policies {
		if p.GitOps == rollback.GitOpsHold {
			warn([]any{"policies", i, "gitops"}, "an Application of Argo CD or a HelmRelease of Flux is held by its own object, which takes permissions; "+
				"where there are such, list argoCD or fluxHelm in kubernetes.features")
		}
	}
}
