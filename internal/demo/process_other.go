//go:build !linux

package demo

import "syscall"

// ownGroup keeps the terminal's signals away from the process. If the demo is killed, the daemon ends when it next
// logs something.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
