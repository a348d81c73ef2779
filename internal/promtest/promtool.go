package promtest

import (
	"os/exec"
	"testing"
)

// Promtool runs promtool in a folder and returns what it says, with an error if it finds a fault. The program must have been built:
// make stack-programs.
func Promtool(t testing.TB, dir string, arguments ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t, "promtool"), arguments...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}
