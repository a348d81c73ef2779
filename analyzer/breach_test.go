package analyzer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// One pod is held responsible where others that could have shown the same did not, and not where it only served the most.
func TestTheSickPodAmongOthers(t *testing.T) {
	for name, c := range map[string]struct {
		pods map[string]Counts
		sick string
	}{
		"one of three":                          {map[string]Counts{"a": {N: 300, K: 100}, "b": {N: 300}, "c": {N: 300}}, "a"},
		"one of three, with a little elsewhere": {map[string]Counts{"a": {N: 300, K: 100}, "b": {N: 300, K: 5}, "c": {N: 300, K: 4}}, "a"},
		"all three alike":                       {map[string]Counts{"a": {N: 300, K: 100}, "b": {N: 300, K: 100}, "c": {N: 300, K: 100}}, ""},
		"the others serve too little to tell":   {map[string]Counts{"a": {N: 300, K: 100}, "b": {N: 14}, "c": {N: 14}}, ""},
		"one that others were scaled away from": {map[string]Counts{"a": {N: 960, K: 320}, "b": {N: 18, K: 6}, "c": {N: 21, K: 8}}, ""},
		"one that others joined lately":         {map[string]Counts{"a": {N: 960, K: 320}, "b": {N: 30, K: 12}, "c": {N: 30, K: 3}}, ""},
		"the busiest, and the others well":      {map[string]Counts{"a": {N: 960, K: 320}, "b": {N: 30, K: 1}, "c": {N: 30}}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			sick, is := breach{pods: c.pods}.sickPod(0.001)
			require.Equal(t, c.sick != "", is)
			if is {
				require.Equal(t, c.sick, sick)
			}
		})
	}
}
