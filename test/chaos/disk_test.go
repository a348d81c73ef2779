package chaos

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// TestDiskIsFull: there is no room for the record. The rollback does not wait for it, and the record is written once there is.
func TestDiskIsFull(t *testing.T) {
	w := onStack(t)
	onlyWhole(t)
	var room func()
	var what string
	f := newFaulty(t, w, natsTable, "", func(s *settings) {
		s.Files = filepath.Join(s.Dir, "files")
		room, what = fullDisk(t, s.Files)
	})
	f.row.what = "record: " + what
	f.recovers(watch.RolledBack, 1)
	f.row.failed = true
	room()
	v := f.daemon.awaitEnd("bad", time.Second)
	require.Equal(t, rollback.Landed, f.requireRecord(f.daemon, v).outcome)
	f.row.failed = false
}

// blockFolder puts a file where a daemon would make a folder below dir.
func blockFolder(t *testing.T, dir string) (free func()) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for _, name := range []string{"artifacts", "logs"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	return func() {
		for _, name := range []string{"artifacts", "logs"} {
			require.NoError(t, os.Remove(filepath.Join(dir, name)))
		}
	}
}
