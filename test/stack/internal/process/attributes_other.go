//go:build !linux

package process

import "syscall"

// attributes keep a Ctrl-C in the terminal from reaching the children before the stack handles it.
// There is no parent-death signal here: children outlive a stack that is killed with SIGKILL.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
