package event

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryCodeIsListed(t *testing.T) {
	source, err := os.ReadFile("rejection.go")
	require.NoError(t, err)
	var declared []Code
	for _, m := range regexp.MustCompile(`(?m)^\tCode\w+ Code = "([^"]+)"$`).FindAllStringSubmatch(string(source), -1) {
		declared = append(declared, Code(m[1]))
	}
	require.NotEmpty(t, declared)
	require.ElementsMatch(t, declared, Codes())
}
