package serve

import "syscall"

// attributes keep the terminal's signals away from the process, and have the kernel kill it if this one is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
