package demo

import "syscall"

// ownGroup keeps the terminal's signals away from the process, and has the kernel stop it if the demo is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
