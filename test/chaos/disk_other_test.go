//go:build !linux

package chaos

import "testing"

// fullDisk has nothing be written below a folder, and returns what ends that.
func fullDisk(t *testing.T, dir string) (free func(), what string) {
	t.Helper()
	return blockFolder(t, dir), "a file in the place of the folder"
}
