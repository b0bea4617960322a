//go:build unix

package preflight

import (
	"errors"
	"syscall"
)

// alive reports a process that exists; one of another user does too.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
