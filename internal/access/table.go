package access

// About describes a feature.
type About struct {
	Feature Feature
	// What is it, in a few words.
	What string
	// When says what in the configuration turns it on.
	When string
	// Usual is set if it is on unless the configuration says otherwise.
	Usual bool
}

// Features are all of them, in the order of the table.
func Features() []About {
	return []About{
		{Base, "rolling updates of Deployments", "always", true},
		{BlueGreen, "switching a Service back", "`blueGreen` in `kubernetes.features`, which is the default", true},
		{Canary, "canaries that are Deployments of their own", "`canary` in `kubernetes.features`, which is the default", true},
		{Autoscalers, "minding what scales a Deployment", "with `canary`, unless every policy says `canary.rollback: undo`; with `blueGreen`, unless every policy says `blueGreen.scaleUp: false`", true},
		{ConfigMaps, "looking whether what the old version needs is there", "always; leave it out with `--without`", true},
		{PodEvents, "reading the events of pods", "always; leave it out with `--without`", true},
		{PodLogs, "reading logs", "`diagnosis.logs`, which is the default, and whatever turns `jobs` on", true},
		{StatefulSets, "StatefulSets", "`statefulSets` in `kubernetes.features`, or a source of Flux with that kind", false},
		{DaemonSets, "DaemonSets", "`daemonSets` in `kubernetes.features`, or a source of Flux with that kind", false},
		{Jobs, "migrations and smoke tests that are Jobs", "a policy with `migration`, or a signal with `job`", false},
		{Secrets, "looking whether the Secrets that the old version needs are there", "`kubernetes.checkSecrets`", false},
		{ArgoCD, "seeing whether Argo CD would undo a rollback", "`argoCD` in `kubernetes.features`", false},
		{ArgoCDHold, "holding Argo CD", "`argoCD`, and a policy with `gitops: hold`", false},
		{FluxHelm, "seeing whether Flux would undo a rollback of a HelmRelease", "`fluxHelm` in `kubernetes.features`", false},
		{FluxHelmHold, "holding a HelmRelease of Flux", "`fluxHelm`, and a policy with `gitops: hold`", false},
		{KEDA, "seeing a canary's ScaledObject while KEDA is switched off", "`keda` in `kubernetes.features`", false},
		{KubernetesEvents, "Events beside the workloads", "a sink with `kubernetesEvents`", false},
		{LeaderElection, "several replicas", "`leaderElection.enabled`", false},
	}
}

// The reading verbs.
const (
	get    = "get"
	list   = "list"
	watch  = "watch"
	patch  = "patch"
	create = "create"
	update = "update"
)

// heldWithout is what goes away without a read that is made live before a rollback. What list and watch have shown is judged all the same.
const heldWithout = "nothing is rolled back: a bad release ends as Held with the API server's words; where the watch verb is missing too, as Inconclusive"

// Table is every permission that rollbackd uses.
func Table() []Rule {
	return []Rule{
		{
			Feature: Base, Scope: Watched, Group: "apps", Resource: "deployments", Verbs: []string{get},
			Why:     "to read a Deployment live before anything is planned or patched",
			Without: heldWithout,
		},
		{
			Feature: Base, Scope: Watched, Group: "apps", Resource: "deployments", Verbs: []string{list, watch},
			Why:     "to see a Deployment change, and to find those that carry rollbackd's annotations and those that nobody announced",
			Without: "every read is made live. Watches that NATS lost, pauses that outlasted theirs and unannounced deployments are not found",
		},
		{
			Feature: Base, Scope: Watched, Group: "apps", Resource: "deployments", Verbs: []string{patch},
			Why:     "to put the known-good template back, scale a canary to zero or the old colour up, pause a rollout, and annotate",
			Without: "nothing can be rolled back: a rollback ends as Failed with the API server's words",
		},
		{
			Feature: Base, Scope: Watched, Group: "apps", Resource: "replicasets", Verbs: []string{list},
			Why:     "to read live the earlier versions of a Deployment, which are what it is rolled back to",
			Without: heldWithout,
		},
		{
			Feature: Base, Scope: Watched, Group: "apps", Resource: "replicasets", Verbs: []string{watch},
			Why:     "to see them change",
			Without: "every read is made live",
		},
		{
			Feature: Base, Scope: Watched, Resource: "pods", Verbs: []string{list},
			Why:     "to tell a release's pods from those of the old version, and how they do",
			Without: heldWithout,
		},
		{
			Feature: Base, Scope: Watched, Resource: "pods", Verbs: []string{watch},
			Why:     "to see them change",
			Without: "every read is made live",
		},
		{
			Feature: BlueGreen, Scope: Watched, Resource: "services", Verbs: []string{get, list, watch},
			Why:     "to read where a Service points, and since when",
			Without: "no blue-green deployment is watched: a watch ends as Inconclusive with the API server's words",
		},
		{
			Feature: BlueGreen, Scope: Watched, Resource: "services", Verbs: []string{patch},
			Why:     "to point a Service back at the old colour",
			Without: "nothing can be switched back: a rollback ends as Failed with the API server's words",
		},
		{
			Feature: Canary, Scope: Watched, Resource: "services", Verbs: []string{list, watch},
			Why:     "to see that a canary shares a Service with the stable Deployment, where its name is not allowed by the policy",
			Without: "only canaries are watched whose names the policy allows; the watch of another ends as Inconclusive with the API server's words",
		},
		{
			Feature: Autoscalers, Scope: Watched, Group: "autoscaling", Resource: "horizontalpodautoscalers", Verbs: []string{list},
			Why:     "to see whether an autoscaler would undo that a canary is scaled to zero, and how far the old colour may be scaled up",
			Without: "a canary is not scaled to zero: the rollback is refused and held; before the old colour is scaled up, the plan says that this could not be looked at",
		},
		{
			Feature: ConfigMaps, Scope: Watched, Resource: "configmaps", Verbs: []string{get},
			Why:     "to refuse a rollback to a version whose ConfigMaps are gone; only their keys are looked at",
			Without: "this is not looked at, and the plan says so; such a rollback ends as NotRecovered",
		},
		{
			Feature: PodEvents, Scope: Watched, Resource: "events", Verbs: []string{list},
			Why:     "to refuse a rollback to an image that could not be pulled of late, and to say in the diagnosis why pods fail",
			Without: "an image that cannot be pulled is told by pods alone, and the diagnosis has no events; plan and diagnosis say so",
		},
		{
			Feature: PodLogs, Scope: Watched, Resource: "pods/log", Verbs: []string{get},
			Why:     "to count errors in the logs for the diagnosis, and to record what a Job wrote",
			Without: "the diagnosis has no logs, and the record of a Job not what it wrote; both say so",
		},
		{
			Feature: StatefulSets, Scope: Watched, Group: "apps", Resource: "statefulsets", Verbs: []string{get, list, watch},
			Why:     "to read what a release is and see it change",
			Without: "no StatefulSet is watched: a watch ends as Inconclusive with the API server's words",
		},
		{
			Feature: StatefulSets, Scope: Watched, Group: "apps", Resource: "statefulsets", Verbs: []string{patch},
			Why:     "to put the known-good template back, and to annotate",
			Without: "no StatefulSet can be rolled back: a rollback ends as Failed with the API server's words",
		},
		{
			Feature: StatefulSets, Scope: Watched, Group: "apps", Resource: "controllerrevisions", Verbs: []string{list, watch},
			Why:     "to know the earlier versions",
			Without: "no StatefulSet is watched: a watch ends as Inconclusive with the API server's words",
		},
		{
			Feature: DaemonSets, Scope: Watched, Group: "apps", Resource: "daemonsets", Verbs: []string{get, list, watch},
			Why:     "to read what a release is and see it change",
			Without: "no DaemonSet is watched: a watch ends as Inconclusive with the API server's words",
		},
		{
			Feature: DaemonSets, Scope: Watched, Group: "apps", Resource: "daemonsets", Verbs: []string{patch},
			Why:     "to put the known-good template back, and to annotate",
			Without: "no DaemonSet can be rolled back: a rollback ends as Failed with the API server's words",
		},
		{
			Feature: DaemonSets, Scope: Watched, Group: "apps", Resource: "controllerrevisions", Verbs: []string{list, watch},
			Why:     "to know the earlier versions",
			Without: "no DaemonSet is watched: a watch ends as Inconclusive with the API server's words",
		},
		{
			Feature: Jobs, Scope: Watched, Group: "batch", Resource: "jobs", Verbs: []string{create, get, watch},
			Why:     "to run the Job of a migration or a smoke test and see how it ends; the cluster removes it by its ttlSecondsAfterFinished",
			Without: "a rollback that needs a migration is refused and held; a smoke test that is a Job says nothing, which never counts against a release",
		},
		{
			Feature: Secrets, Scope: Watched, Resource: "secrets", Verbs: []string{get},
			Why:     "to refuse a rollback to a version whose Secrets are gone; only their keys are looked at",
			Without: "this is not looked at, and the plan says so; such a rollback ends as NotRecovered",
		},
		{
			Feature: ArgoCD, Scope: ArgoCDs, Group: "argoproj.io", Resource: "applications", Verbs: []string{get},
			Why:     "to see whether the Application of a workload syncs by itself",
			Without: "a rollback of a workload that Argo CD applied is refused, unless its policy says gitops: ignore",
		},
		{
			Feature: ArgoCDHold, Scope: ArgoCDs, Group: "argoproj.io", Resource: "applications", Verbs: []string{patch},
			Why:     "to stop an Application's automated sync until the next deployment is announced",
			Without: "the rollback is refused, with what to do instead",
		},
		{
			Feature: FluxHelm, Scope: Watched, Group: "helm.toolkit.fluxcd.io", Resource: "helmreleases", Verbs: []string{get},
			Why:     "to see whether the HelmRelease of a workload corrects drift",
			Without: "a rollback of a workload of a HelmRelease is refused, unless its policy says gitops: ignore",
		},
		{
			Feature: FluxHelmHold, Scope: Watched, Group: "helm.toolkit.fluxcd.io", Resource: "helmreleases", Verbs: []string{patch},
			Why:     "to suspend a HelmRelease until the next deployment is announced",
			Without: "the rollback is refused, with what to do instead",
		},
		{
			Feature: KEDA, Scope: Watched, Group: "keda.sh", Resource: "scaledobjects", Verbs: []string{list},
			Why:     "to see a ScaledObject that scales a canary while it has no HorizontalPodAutoscaler",
			Without: "KEDA is seen by its HorizontalPodAutoscaler alone",
		},
		{
			Feature: KubernetesEvents, Scope: Watched, Group: "events.k8s.io", Resource: "events", Verbs: []string{create},
			Why:     "to write an Event beside the workload for each notice",
			Without: "there are no Events; the log says so, and other sinks get the notice",
		},
		{
			Feature: LeaderElection, Scope: Own, Group: "coordination.k8s.io", Resource: "leases", Verbs: []string{create},
			Why:     "to make the Lease by which replicas elect a leader; a rule about create cannot name it",
			Without: "no replica leads until somebody else makes the Lease",
		},
		{
			Feature: LeaderElection, Scope: Own, Group: "coordination.k8s.io", Resource: "leases", Verbs: []string{get, update}, Named: true,
			Why:     "to take the Lease and renew it",
			Without: "no replica leads: nothing is watched",
		},
	}
}
