package promtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// StartAlertmanager starts an Alertmanager with this configuration, alone in its cluster, and returns its address once it listens. It
// ends with the test, or when stop is called. The program must have been built: make stack-programs.
func StartAlertmanager(t testing.TB, configuration string) (url string, stop func()) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yaml")
	require.NoError(t, os.WriteFile(file, []byte(configuration), 0o600))
	cmd := exec.Command(binary(t, "alertmanager"), "--config.file="+file, "--storage.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--cluster.listen-address=")
	url = "http://" + run(t, cmd)
	return url, func() { _ = cmd.Process.Kill() }
}
