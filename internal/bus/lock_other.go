//go:build !unix

package bus

// dirLock does nothing where the system has no advisory locks that end with the process.
type dirLock struct{}

func lockDir(dir string) (*dirLock, error) { return &dirLock{}, makeDir(dir) }

func (l *dirLock) release() {}
