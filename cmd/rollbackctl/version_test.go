package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/version"
)

func TestVersion(t *testing.T) {
	code, out, problems := (&stack{}).run(t, "version")
	require.Equal(t, exitDone, code, problems)
	require.Equal(t, version.Get().String()+"\n", out)
	require.Contains(t, out, "go1.", "tests are built without a version control's stamp, but with the toolchain's")

	code, out, problems = (&stack{}).run(t, "version", "-o", "json")
	require.Equal(t, exitDone, code, problems)
	var info version.Info
	require.NoError(t, json.Unmarshal([]byte(out), &info))
	require.Equal(t, version.Get(), info)
}
