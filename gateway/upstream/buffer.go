package upstream

import (
	"errors"
	"io"
	"sync"
)

// readSize is the room for what comes from the app at once; most heads with a small body fit.
const readSize = 4 << 10

// buffered returns the bytes that were read and not used.
func (c *conn) buffered() []byte { return c.buf[c.r:c.w] }

// fill reads more into the buffer, which must have room or nothing unused in it.
func (c *conn) fill() error {
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	n, err := c.Conn.Read(c.buf[c.w:])
	c.w += n
	if n > 0 {
		c.moved()
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

var errFull = errors.New("the buffer is full")

// fillHead makes room for more of a head and reads it. It returns errFull where the head is larger than any should be.
func (c *conn) fillHead() error {
	switch {
	case c.w < len(c.buf):
	case c.r > 0:
		c.compact()
	case len(c.buf) >= headMax:
		return errFull
	default:
		bigger := make([]byte, 2*len(c.buf))
		copy(bigger, c.buf)
		c.buf = bigger
	}
	return c.fill()
}

// compact moves what is unused to the front.
func (c *conn) compact() {
	c.w = copy(c.buf, c.buf[c.r:c.w])
	c.r = 0
}

// largeSize is the room for bodies that did not come with their head.
const largeSize = 32 << 10

var larges = sync.Pool{New: func() any { b := make([]byte, largeSize); return &b }}

// enlarge borrows a large buffer for a body.
func (c *conn) enlarge() {
	if len(c.buf) >= largeSize {
		return
	}
	large := *larges.Get().(*[]byte)
	c.w = copy(large, c.buf[c.r:c.w])
	c.r = 0
	c.small, c.buf = c.buf, large
}

// shrink gives a large buffer back. What is in it is lost.
func (c *conn) shrink() {
	switch {
	case c.small != nil:
		large := c.buf
		larges.Put(&large)
		c.buf, c.small = c.small, nil
	case len(c.buf) > readSize:
		c.buf = make([]byte, readSize)
	}
	c.r, c.w = 0, 0
}
