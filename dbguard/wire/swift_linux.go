package wire

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// swift is a connection whose reads and writes cost as little as the kernel lets them. Its descriptor never blocks, so that the
// scheduler need not be told of each system call (which wakes a thread that takes the processor away from slow ones), and a reader
// that got less than it had room for waits at once, instead of asking once more for nothing.
//
// Whoever is inside each holds the connection: others must not Close it, which waits for them, but let it expire; see expire.
type swift struct {
	net.Conn
	raw syscall.RawConn

	// what each works with
	held sync.Locker
	room func() []byte
	took func(n int) (done bool)
	read error
	step func(fd uintptr) bool

	// unsure is the number of the last read that filled less than its room, zero after one that found nothing: where the end of the
	// stream came together with the last bytes, nothing will tell of it. seen is the sweeper's.
	unsure atomic.Uint32
	reads  uint32
	seen   uint32

	wmu   sync.Mutex // guards everything below
	rest  []byte
	wrote error
	put   func(fd uintptr) bool
}

// swiftly makes a plain connection of the kernel swift; nil where conn is something else.
func swiftly(conn net.Conn) *swift {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nil
	}
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	c := &swift{Conn: conn, raw: raw}
	c.step, c.put = c.readStep, c.writeStep
	return c
}

// each reads into room and has took take what came, until took says that it is done or the connection ends, which is the error.
// It holds held but while it waits.
func (c *swift) each(held sync.Locker, room func() []byte, took func(n int) (done bool)) error {
	c.held, c.room, c.took, c.read = held, room, took, nil
	err := c.raw.Read(c.step)
	if c.read != nil {
		return c.read
	}
	return err
}

// readStep reads until there is nothing more; it reports false where the connection must be waited for.
func (c *swift) readStep(fd uintptr) bool {
	c.held.Lock()
	defer c.held.Unlock()
	for {
		b := c.room()
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch {
		case errno == syscall.EINTR:
			continue
		case errno == syscall.EAGAIN:
			c.unsure.Store(0)
			return false
		case errno != 0:
			c.read = errno
			return true
		case n == 0:
			c.read = io.EOF
			return true
		}
		if c.took(int(n)) {
			return true
		}
		if int(n) < len(b) {
			c.reads = max(1, c.reads+1)
			c.unsure.Store(c.reads)
			return false
		}
	}
}

// Write writes all of p.
func (c *swift) Write(p []byte) (int, error) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.rest, c.wrote = p, nil
	err := c.raw.Write(c.put)
	if err == nil {
		err = c.wrote
	}
	n := len(p) - len(c.rest)
	c.rest = nil
	return n, err
}

func (c *swift) writeStep(fd uintptr) bool {
	for len(c.rest) > 0 {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(c.rest))), uintptr(len(c.rest)))
		switch {
		case errno == syscall.EINTR:
		case errno == syscall.EAGAIN:
			return false
		case errno != 0:
			c.wrote = errno
			return true
		default:
			c.rest = c.rest[n:]
		}
	}
	return true
}

// over reports that the stream ended without anybody being told. The sweeper asks, and it looks only where nothing was read since
// it last asked.
func (c *swift) over() bool {
	if c == nil {
		return false
	}
	unsure := c.unsure.Load()
	if unsure == 0 || unsure != c.seen {
		c.seen = unsure
		return false
	}
	n, err := 0, error(syscall.EAGAIN)
	var one [1]byte
	_ = c.raw.Control(func(fd uintptr) { // on an error it is closed already
		n, _, err = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	if errors.Is(err, syscall.EAGAIN) {
		c.unsure.CompareAndSwap(unsure, 0)
	}
	return err == nil && n == 0
}
