//go:build unix

package http1

import (
	"errors"
	"io"
	"syscall"
)

// wait blocks until bytes of the next request have come, and holds no buffer until then.
func (c *conn) wait() error {
	if c.sys == nil {
		return c.waitHolding()
	}
	if err := c.sys.Read(c.try); err != nil {
		return err
	}
	return c.tried
}

// tryRead reads into a buffer that it gives back where nothing has come yet.
func (c *conn) tryRead(fd uintptr) bool {
	in := newInbox()
	for {
		n, err := syscall.Read(int(fd), in.buf)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			in.release()
			return false
		case err == nil && n <= 0:
			err = io.EOF
		}
		c.in, c.tried = in, err
		in.w = max(n, 0)
		return true
	}
}

// clientGone reports whether the client has ended its direction or the connection. It asks the kernel and reads nothing.
func (c *conn) clientGone() bool {
	if c.sys == nil {
		return false
	}
	gone := false
	err := c.sys.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = n == 0 && err == nil || err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	})
	return err != nil || gone
}
