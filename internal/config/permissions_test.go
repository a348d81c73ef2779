package config

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/access"
)

// TestAccessIsWhatTheConfigurationUses: each key that takes permissions turns its feature on, and no other does.
func TestAccessIsWhatTheConfigurationUses(t *testing.T) {
	usual := []access.Feature{access.Base, access.BlueGreen, access.Canary, access.Autoscalers, access.ConfigMaps, access.PodEvents, access.PodLogs}
	const job = "{template: {spec: {containers: [{name: a, image: b}]}}}"
	for name, tc := range map[string]struct {
		edit      []string
		more, not []access.Feature
	}{
		"nothing special":      {},
		"only rolling updates": {inTop("kubernetes: {features: []}"), nil, []access.Feature{access.BlueGreen, access.Canary, access.Autoscalers}},
		"StatefulSets":         {inTop("kubernetes: {features: [blueGreen, canary, statefulSets]}"), []access.Feature{access.StatefulSets}, nil},
		"DaemonSets of Flux":   {inTop("sources:\n- {name: f, subject: f, format: flux, environment: production, namespaces: [shop], target: {kinds: [DaemonSet]}}"), []access.Feature{access.DaemonSets}, nil},
		"Secrets":              {inTop("kubernetes: {checkSecrets: true}"), []access.Feature{access.Secrets}, nil},
		"no diagnosis":         {inTop("diagnosis: {enabled: false}"), nil, []access.Feature{access.PodLogs}},
		"no logs":              {inTop("diagnosis: {logs: false}"), nil, []access.Feature{access.PodLogs}},
		"no logs but Jobs'":    {append(inTop("diagnosis: {logs: false}"), inPolicy("migration: {job: "+job+"}")...), []access.Feature{access.Jobs}, nil},
		"a hold, of what":      {inPolicy("gitops: hold"), nil, nil},
		"a hold of Argo CD":    {append(inTop("kubernetes: {features: [blueGreen, canary, argoCD]}"), inPolicy("gitops: hold")...), []access.Feature{access.ArgoCD, access.ArgoCDHold}, nil},
		"Flux, and no hold":    {inTop("kubernetes: {features: [blueGreen, canary, fluxHelm]}"), []access.Feature{access.FluxHelm}, nil},
		"KEDA":                 {inTop("kubernetes: {features: [blueGreen, canary, keda]}"), []access.Feature{access.KEDA}, nil},
		"Events":               {inTop("notify: {sinks: [{name: k8s, kubernetesEvents: {}}], routes: [{sinks: [k8s]}]}"), []access.Feature{access.KubernetesEvents}, nil},
		"replicas":             {inTop("leaderElection: {enabled: true}\nnats: {url: \"nats://n:4222\"}"), []access.Feature{access.LeaderElection}, nil},
		"nothing is scaled":    {inPolicy("canary: {rollback: undo}\n  blueGreen: {scaleUp: false}"), nil, []access.Feature{access.Autoscalers}},
		"the old colour alone": {inPolicy("canary: {rollback: undo}"), nil, nil},
	} {
		c, err := Parse(edited(tc.edit...))
		require.NoError(t, err, name)
		want := access.Grant{}.With(usual...).With(tc.more...).Without(tc.not...).Features
		require.Equal(t, want, c.Access().Features, name)
	}
}

func TestAccessOfASmokeTestThatIsAJob(t *testing.T) {
	data, err := os.ReadFile("testdata/valid/every-key.yaml")
	require.NoError(t, err)
	c, err := Parse(data)
	require.NoError(t, err)
	g := c.Access()
	for _, f := range []access.Feature{access.Jobs, access.DaemonSets, access.StatefulSets, access.LeaderElection, access.Secrets} {
		require.Contains(t, g.Features, f)
	}
	require.NotContains(t, g.Features, access.BlueGreen, "kubernetes.features leaves it out")
	require.Equal(t, access.Grant{Namespaces: []string{"shop", "pay"}, Own: "ops", Lease: "rollbackd", ArgoCD: "argo", Features: g.Features}, g)
}

// TestAccessIsWhereTheConfigurationIs: what names its namespaces needs nothing in others.
func TestAccessIsWhereTheConfigurationIs(t *testing.T) {
	for name, tc := range map[string]struct {
		edit []string
		all  bool
		want []string
	}{
		"a policy that names none":      {nil, true, nil},
		"a policy that names one":       {inPolicy("match: [{namespace: shop}, {namespace: pay, workload: web}]"), false, []string{"pay", "shop"}},
		"a pattern":                     {inPolicy("match: [{namespace: team-*}]"), true, nil},
		"a pattern, and what is to see": {append(inTop("kubernetes: {namespaces: [team-a, team-b]}"), inPolicy("match: [{namespace: team-*}]")...), false, []string{"team-a", "team-b"}},
	} {
		c, err := Parse(edited(tc.edit...))
		require.NoError(t, err, name)
		g := c.Access()
		require.Equal(t, tc.all, g.All, name)
		require.Equal(t, tc.want, g.Namespaces, name)
	}
}

// TestReadOnly: nothing is granted that changes a workload, and a policy that would act is a mistake.
func TestReadOnly(t *testing.T) {
	const job = "{template: {spec: {containers: [{name: a, image: b}]}}}"
	for _, tc := range []struct {
		edit    []string
		problem string
	}{
		{edit: nil},
		{edit: inPolicy("migration: {job: " + job + "}")},
		{inPolicy("mode: approve"), "policies[0].mode: is approve, and with kubernetes.readOnly rollbackd can only observe; write observe, or take readOnly away"},
		{inPolicy("stages: {onCall: {mode: automatic}}"), "policies[0].stages.onCall.mode: is automatic, and with kubernetes.readOnly"},
	} {
		c, err := Parse(edited(append(inTop("kubernetes: {readOnly: true, features: [statefulSets, canary, blueGreen]}"), tc.edit...)...))
		if tc.problem != "" {
			require.ErrorContains(t, err, tc.problem)
			continue
		}
		require.NoError(t, err)
		for _, need := range c.Access().Needs() {
			require.Contains(t, []string{"get", "list", "watch"}, need.Verb, need.String())
		}
	}
}

func TestMistakesOfVersionLabels(t *testing.T) {
	for value, want := range map[string]string{
		"[]":              `line 4: kubernetes.versionLabels: is empty; name a label that pods carry their version in, or leave the key out`,
		"[version, a b]":  `line 4: kubernetes.versionLabels[1]: "a b" cannot be the key of a label: name part must consist of alphanumeric characters`,
		"[a, version, a]": `line 4: kubernetes.versionLabels[2]: "a" is listed twice; leave one of them out`,
		"version":         `line 4: kubernetes.versionLabels:`,
	} {
		_, err := Parse(edited(inTop("kubernetes: {versionLabels: " + value + "}")...))
		require.ErrorContains(t, err, want, value)
	}
	c, err := Parse(edited(inTop("kubernetes: {versionLabels: [release]}")...))
	require.NoError(t, err)
	require.Equal(t, []string{"release"}, c.Kubernetes.VersionLabels)
}

func TestMistakesOfPermissions(t *testing.T) {
	_, err := Parse(edited(append(inTop("kubernetes: {namespaces: [shop, Pay], features: [canary, exec]}"), inPolicy("match: [{namespace: pay}, {namespace: shop}, {workload: web}]")...)...))
	mistakes, ok := err.(Mistakes)
	require.True(t, ok, err)
	var said []string
	for _, f := range mistakes {
		said = append(said, f.String())
	}
	require.ElementsMatch(t, []string{
		`line 4: kubernetes.namespaces[1]: "Pay" is not a namespace's name; use it as Kubernetes has it`,
		`line 4: kubernetes.features[1]: "exec" is not a feature that is named here; use one of ["blueGreen" "canary" "statefulSets" "daemonSets" "argoCD" "fluxHelm" "keda"]`,
		`line 7: policies[0].match[0].namespace: "pay" is not one of kubernetes.namespaces, so that rollbackd would not see it; list it there`,
	}, said)
}

// TestAHoldThatNobodyMayMakeIsWarnedOf: without the feature no Role has the permission.
func TestAHoldThatNobodyMayMakeIsWarnedOf(t *testing.T) {
	warned := func(edit []string) bool {
		c, err := Parse(edited(edit...))
		require.NoError(t, err)
		for _, f := range c.Warnings() {
			if f.Field == "policies[0].gitops" {
				require.Contains(t, f.Message, "list argoCD or fluxHelm in kubernetes.features")
				return true
			}
		}
		return false
	}
	require.True(t, warned(inPolicy("gitops: hold")))
	require.False(t, warned(append(inTop("kubernetes: {features: [fluxHelm]}"), inPolicy("gitops: hold")...)))
	require.False(t, warned(nil))
}
