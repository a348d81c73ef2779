package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const folderPattern = "rollbackd-stack-"

// folder is the temporary folder of one stack. A held lock inside it tells that its stack lives.
type folder struct {
	path string
	lock *os.File
}

// newFolder makes the folder, and removes those of stacks that were killed.
func newFolder() (*folder, error) {
	removeAbandoned()
	path, err := os.MkdirTemp("", folderPattern)
	if err != nil {
		return nil, fmt.Errorf("create the stack's folder: %w", err)
	}
	lock, err := lockFolder(path)
	if err != nil {
		return nil, fmt.Errorf("lock the stack's folder: %w", err)
	}
	return &folder{path: path, lock: lock}, nil
}

// lockFolder locks the file before it gets its name, so that it is never seen unlocked.
func lockFolder(path string) (*os.File, error) {
	unnamed := filepath.Join(path, ".lock.new")
	file, err := os.OpenFile(unnamed, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	return file, os.Rename(unnamed, filepath.Join(path, "lock"))
}

// removeAbandoned removes the folders whose stack is gone. It is best effort: what cannot be looked
// at or removed belongs to somebody else.
func removeAbandoned() {
	found, _ := filepath.Glob(filepath.Join(os.TempDir(), folderPattern+"*"))
	for _, path := range found {
		file, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(path)
		}
		file.Close()
	}
}

// remove removes the folder, or only its lock if it is to be kept.
func (f *folder) remove(keep bool) error {
	defer f.lock.Close()
	if keep {
		return os.Remove(filepath.Join(f.path, "lock"))
	}
	return os.RemoveAll(f.path)
}
