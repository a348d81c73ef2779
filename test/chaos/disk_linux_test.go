package chaos

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// fullDisk puts a disk of 64 KiB that has no room left at a folder, and returns what makes room on it. Only root may mount one; for
// anybody else a file in the folder's place must do, below which nothing can be written either.
func fullDisk(t *testing.T, dir string) (free func(), what string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k")
	if errors.Is(err, syscall.EPERM) {
		return blockFolder(t, dir), "a file in the place of the folder"
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	filler := filepath.Join(dir, "filler")
	err = os.WriteFile(filler, make([]byte, 1<<20), 0o600)
	require.ErrorIs(t, err, syscall.ENOSPC)
	return func() {
		require.NoError(t, os.Remove(filler))
		require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=16m"))
	}, "disk full"
}
