//go:build unix

package upstream

import (
	"errors"
	"io"
	"syscall"
)

// wait reads what comes next, and holds no buffer until it comes.
func (c *conn) wait() (int, error) {
	if c.sys == nil {
		return c.waitHolding()
	}
	if err := c.sys.Read(c.try); err != nil {
		return 0, err
	}
	n := c.w
	c.w = 0
	return n, c.tried
}

// tryRead reads into a buffer that it gives back where nothing has come yet. How much came stands in w.
func (c *conn) tryRead(fd uintptr) bool {
	c.borrow()
	for {
		n, err := syscall.Read(int(fd), c.buf)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			c.giveBack()
			return false
		case err == nil && n <= 0:
			err = io.EOF
		}
		c.w, c.tried = max(n, 0), err
		return true
	}
}

// open reports whether the app still holds the idle connection and has said nothing on it. It asks the kernel and reads
// nothing.
func (c *conn) open() bool {
	if c.sys == nil {
		return true
	}
	quiet := false
	err := c.sys.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && quiet
}
