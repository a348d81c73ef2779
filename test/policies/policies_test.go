// Package policies holds golden scenarios: what a person would expect of policies, as made-up series with the verdict that they
// should come to. They are files as a service owner writes them (docs/policy-test.md).
package policies

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/policytest"
)

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".yaml"), func(t *testing.T) {
			tests, err := policytest.Load(file)
			require.NoError(t, err)
			for _, test := range tests {
				t.Run(test.Name, func(t *testing.T) {
					t.Parallel()
					result, err := test.Run(t.Context())
					require.NoError(t, err)
					var text strings.Builder
					require.NoError(t, result.Write(&text))
					require.Empty(t, result.Failures, text.String())
				})
			}
		})
	}
}
