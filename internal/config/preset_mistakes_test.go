package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is wrong with a preset is said once, and nothing is said about what it would have given.
func TestMistakesOfPresets(t *testing.T) {
	const at = "line 8: policies[0].signals[0]."
	const names = "aspnetcore, contour, envoy-gateway, grpc, http, ingress-nginx, istio, istio-grpc, linkerd, otel-http, otel-http-otlp, otel-rpc, " +
		"otel-rpc-legacy, prometheus-net, spring-boot, traefik"
	for preset, says := range map[string]string{
		"preset: istoi": at + `preset: "istoi" is not a preset; use one of ` + names,
		"kind: magic\n    preset: istio": `line 9: policies[0].signals[0].preset: "istio" has nothing for a signal of kind "magic"; ` +
			`use it for kind error-rate or latency, or remove preset and name the series`,
		"preset: istio\n    unit: 1s": `line 9: policies[0].signals[0].unit: has no effect on a signal of kind error-rate; remove it`,
		"preset: istio\n    kind: latency\n    histogram: a_bucket": `line 7: policies[0].signals[0].slo: is missing; name the latency that the quantile should ` +
			`stay below, such as 500ms`,
		"preset: traefik\n    labels: {workload: ''}": "line 9: policies[0].signals[0].labels: has neither pod nor workload, so nothing tells the workload's series from others; name one of the two\n" +
			"line 9: policies[0].signals[0].labels.workloadValue: has no effect without labels.workload; name the label whose values have this form, or remove it",
	} {
		_, err := Parse(edited("    requests: http_requests_total\n    errors: http_requests_total{code=~\"5..\"}\n", "    "+preset+"\n"))
		require.Error(t, err, preset)
		lines := strings.Split(err.Error(), "\n")
		require.ElementsMatch(t, strings.Split(says, "\n"), lines, preset)
	}
}

func TestMistakesOfPresetsOfCallGraphs(t *testing.T) {
	const at = "line 6: policies[0].guards.dependencies."
	for dependencies, says := range map[string]string{
		"{preset: http}":                        at + `preset: "http" is not a preset that tells who calls whom; use one of istio, istio-grpc, linkerd, or name the series`,
		"{preset: istio, labels: {caller: ''}}": at + "labels.caller: is missing; name the label that carries the caller, such as source_workload or destination_workload",
		"{preset: istio}":                       "",
	} {
		_, err := Parse(edited(inPolicy("guards: {dependencies: " + dependencies + "}")...))
		if says == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, says)
	}
}
