//go:build !linux

package serve

import "syscall"

// attributes keep the terminal's signals away from the process, which outlives this one if it is killed.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
