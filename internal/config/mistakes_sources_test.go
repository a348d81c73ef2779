package config

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// wrongSources are sources that could not work, or not be trusted.
func wrongSources() []mistaken {
	const valid = "{name: flux, subject: flux.a, format: flux, environment: production, namespaces: [shop]}"
	return []mistaken{
		{inTop("sources: [{}]"), []string{
			`line 4: sources[0].name: "" is not a name of its own of lower-case letters, digits and dashes`,
			`line 4: sources[0].subject: "" is not a subject of NATS that begins with a name; write it as flux.production or ci.*.deployed`,
			`line 4: sources[0].format: "" is not a format; use flux, cdevents or native`,
			"line 4: sources[0].namespaces: is empty; list the namespaces for which the source is trusted",
			`line 4: sources[0].environment: "" is not one of the environments that this daemon watches; use one of ["production"]`}},
		{inTop("sources:\n- " + valid + "\n- " + valid), []string{
			`line 6: sources[1].name: "flux" is not a name of its own of lower-case letters, digits and dashes`,
			`line 6: sources[1].subject: "flux.a" has messages in common with "flux.a" of source flux; give each source its own`}},
		{inTop("sources: [{name: a, subject: deployments.x, format: native, environment: production, namespaces: ['*'], stream: 'a.b'}]"), []string{
			`line 4: sources[0].subject: "deployments.x" belongs to rollbackd or to NATS; use a subject that begins otherwise`,
			`line 4: sources[0].stream: "a.b" is not the name of a stream; use it as nats stream ls shows it`,
			`line 4: sources[0].namespaces[0]: "*" is not a namespace's name; use it as Kubernetes has it`}},
		{inTop("sources: [{name: a, subject: x, format: native, environment: production, namespaces: [shop], target: {kinds: [Pod], namespace: pay, workload: w}}]"), []string{
			`line 4: sources[0].target.kinds[0]: "Pod" is not a kind; use Deployment, StatefulSet or DaemonSet`,
			"line 4: sources[0].target.kinds: has no effect with format native, whose events name their workload; remove it",
			`line 4: sources[0].target.namespace: "pay" is not one of namespaces; list it there`,
			"line 4: sources[0].target.namespace: has no effect with format native; remove it",
			"line 4: sources[0].target.workload: has no effect with format native; remove it"}},
		{inTop("nats: {embedded: {users: [{name: flux, passwordFile: p, sources: [flux]}]}}"), []string{
			`line 4: nats.embedded.users[0].sources[0]: "flux" is not the name of a source; add it to sources, or check its spelling`}},
	}
}

func TestSubjectsOfSources(t *testing.T) {
	for subject, ok := range map[string]bool{
		"flux": true, "flux.a.b": true, "flux.*.b": true, "flux.>": true, "": false, ">": false, "*": false, "*.a": false, "a..b": false, "a.": false,
		"a.>.b": false, "a b": false, "a.b*": false,
	} {
		require.Equal(t, ok, isSubject(subject), subject)
	}
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"flux.a", "flux.a", true}, {"flux.a", "flux.b", false}, {"flux.*", "flux.b", true}, {"flux.*", "flux.b.c", false}, {"flux.>", "flux.b.c", true},
		{"flux.>", "flux", false}, {"flux.*.c", "flux.b.*", true}, {"flux.*.c", "flux.b.d", false}, {"flux", "ci", false},
	} {
		require.Equal(t, tc.same, overlap(tc.a, tc.b), tc)
		require.Equal(t, tc.same, overlap(tc.b, tc.a), tc)
	}
}

func TestSourcesAsTheyAreUsed(t *testing.T) {
	c, err := Load("testdata/valid/every-key.yaml")
	require.NoError(t, err)
	require.Equal(t, []watch.Source{
		{Name: "flux", Format: watch.SourceFlux, Environment: "production", Namespaces: []string{"shop", "pay"}, Kinds: []rollback.Kind{rollback.KindDeployment, rollback.KindDaemonSet}},
		{Name: "ci", Format: watch.SourceCDEvents, Environment: "staging", Namespaces: []string{"shop"}, Kinds: []rollback.Kind{rollback.KindDeployment}, Namespace: "shop", Workload: "checkout"},
		{Name: "scripts", Format: watch.SourceNative, Environment: "production", Namespaces: []string{"shop"}, Kinds: []rollback.Kind{rollback.KindDeployment}},
	}, c.WatchSources())
}
