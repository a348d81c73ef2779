package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMistakesOfWorkloadValues(t *testing.T) {
	const at = "line 8: policies[0].signals[0].labels.workloadValue: "
	for form, says := range map[string]string{
		"checkout-*": `"checkout-*" is the same for every workload; put {workload} where the values hold its name, as in {namespace}-{workload}-*@kubernetes`,
		"{namespace}-{workload}-{port}": `"{namespace}-{workload}-{port}" has braces around something else than {namespace} and {workload}; ` +
			`use these two, and * for letters and digits`,
		"{workload}-**":          `"{workload}-**" does not tell where a * ends; let a separator follow it, as in {workload}-*@kubernetes`,
		"*{workload}":            `"*{workload}" does not tell where a * ends; let a separator follow it, as in {workload}-*@kubernetes`,
		"{workload}.*8":          `"{workload}.*8" does not tell where a * ends; let a separator follow it, as in {workload}-*@kubernetes`,
		"{workload}-*":           "",
		"{namespace}/{workload}": "",
	} {
		_, err := Parse(edited(inSignal("labels: {workload: app, workloadValue: '" + form + "'}")...))
		if says == "" {
			require.NoError(t, err, form)
			continue
		}
		require.EqualError(t, err, at+says)
	}
}
