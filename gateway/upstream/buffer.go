package upstream

import (
	"errors"
	"io"
	"sync"
)

// Room for what comes from the app at once, in bytes: most heads with a small body fit into the small one; bodies that did not
// come with their head get the large one.
const (
	smallSize = 4 << 10
	largeSize = 32 << 10
)

type (
	smallRoom [smallSize]byte
	largeRoom [largeSize]byte
)

var (
	smalls = sync.Pool{New: func() any { return new(smallRoom) }}
	larges = sync.Pool{New: func() any { return new(largeRoom) }}
)

// buffered returns the bytes that were read and not used.
func (c *conn) buffered() []byte { return c.buf[c.r:c.w] }

// borrow makes sure that there is a buffer.
func (c *conn) borrow() {
	switch {
	case c.buf != nil:
	case c.body:
		c.large = larges.Get().(*largeRoom)
		c.buf = c.large[:]
	default:
		c.small = smalls.Get().(*smallRoom)
		c.buf = c.small[:]
	}
}

// giveBack gives the buffer back; what is in it is lost.
func (c *conn) giveBack() {
	if c.small != nil {
		smalls.Put(c.small)
	}
	if c.large != nil {
		larges.Put(c.large)
	}
	c.small, c.large, c.buf, c.r, c.w = nil, nil, nil, 0, 0
}

// fill reads more into the buffer, which must have room or nothing unused in it. In the latter case no buffer is held until
// the app sends something: most connections wait most of the time.
func (c *conn) fill() error {
	var n int
	var err error
	if c.r == c.w {
		c.giveBack()
		n, err = c.wait()
	} else {
		n, err = c.Conn.Read(c.buf[c.w:])
	}
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

// waitHolding reads into a buffer that is held all the time.
func (c *conn) waitHolding() (int, error) {
	c.borrow()
	return c.Conn.Read(c.buf)
}

var errFull = errors.New("the buffer is full")

// fillHead makes room for more of a head and reads it. It returns errFull where the head is larger than any should be.
func (c *conn) fillHead() error {
	switch {
	case c.w < len(c.buf) || c.r == c.w:
	case c.r > 0:
		c.compact()
	case len(c.buf) >= headMax:
		return errFull
	default:
		c.move(make([]byte, 2*len(c.buf)))
	}
	return c.fill()
}

// compact moves what is unused to the front.
func (c *conn) compact() {
	c.w = copy(c.buf, c.buf[c.r:c.w])
	c.r = 0
}

// move makes bigger the buffer, with what is unused in it.
func (c *conn) move(bigger []byte) {
	n := copy(bigger, c.buffered())
	c.giveBack()
	c.buf, c.w = bigger, n
}

// enlarge makes large pieces of a body come at once from now on.
func (c *conn) enlarge() {
	c.body = true
	if c.r < c.w && len(c.buf) < largeSize {
		large := larges.Get().(*largeRoom)
		c.move(large[:])
		c.large = large
	}
}
