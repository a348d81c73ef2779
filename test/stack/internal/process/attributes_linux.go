package process

import "syscall"

// attributes make the kernel kill a child when the stack dies without the chance to clean up, and
// keep a Ctrl-C in the terminal from reaching the children before the stack handles it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
