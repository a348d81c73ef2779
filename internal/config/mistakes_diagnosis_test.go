package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMistakesOfDiagnosis(t *testing.T) {
	_, err := Parse(edited(inTop(`diagnosis: {maxPods: 11, mask: ["cust-[0-9]+", "(", "x*"]}`)...))
	mistakes, ok := err.(Mistakes)
	require.True(t, ok, err)
	var said []string
	for _, f := range mistakes {
		said = append(said, f.String())
	}
	require.ElementsMatch(t, []string{
		"line 4: diagnosis.maxPods: 11 is not a number of pods between 1 and 10; to read no logs, set logs: false",
		"line 4: diagnosis.mask[1]: \"(\" is no regular expression: error parsing regexp: missing closing ): `(`",
		`line 4: diagnosis.mask[2]: "x*" matches everywhere, because it matches nothing too; have it match what is to be hidden`,
	}, said)
}

func TestDiagnosisIsOnUnlessItIsSwitchedOff(t *testing.T) {
	c, err := Parse(edited())
	require.NoError(t, err)
	options, on := c.Diagnosis.Gathering()
	require.True(t, on)
	require.True(t, options.Logs)
	require.Equal(t, 3, options.Pods)

	c, err = Parse(edited(inTop("diagnosis: {logs: false, mask: [secret-thing]}")...))
	require.NoError(t, err)
	options, on = c.Diagnosis.Gathering()
	require.True(t, on)
	require.False(t, options.Logs)
	require.Equal(t, "a ***", options.Mask.Text("a secret-thing"))

	c, err = Parse(edited(inTop("diagnosis: {enabled: false}")...))
	require.NoError(t, err)
	_, on = c.Diagnosis.Gathering()
	require.False(t, on)
}
