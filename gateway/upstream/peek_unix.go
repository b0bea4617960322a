//go:build unix

package upstream

import (
	"errors"
	"syscall"
)

// open reports whether the app still holds the idle connection and has said nothing on it. It asks the kernel and reads
// nothing.
func (c *conn) open() bool {
	raw, ok := c.Conn.(syscall.Conn)
	if !ok {
		return true
	}
	fd, err := raw.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = fd.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && quiet
}
