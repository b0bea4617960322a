package wire

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// swift is a connection whose reads and writes cost as little as the kernel lets them. Its descriptor never blocks and belongs to
// a loop, not to the runtime: the scheduler need not be told of each system call, and a reader that got less than it had room for
// waits at once, instead of asking once more for nothing.
//
// One goroutine reads it, by Read or each; any may write. Deadlines end what waits, now or later.
type swift struct {
	loop          *loop
	fd            int
	serial        int32
	local, remote net.Addr
	// users counts who is at the descriptor, and bears the bits below.
	users atomic.Int32

	// what each works with
	held tryLocker
	room func() []byte
	took func(n int) (done bool)

	mu sync.Mutex // guards everything below
	// ready says that something may be read, over that the stream's end, or an error, can be read behind it.
	ready, over bool
	// driven says that the loop calls took, running that somebody is at it; ended takes why that is over, of size one.
	driven, running bool
	ended           chan error
	read, write     side
	closed          bool

	writing sync.Mutex // held while writing
}

// side is the waiting of one direction.
type side struct {
	// waiting says that somebody waits at may, of size one, which may be sent to when nobody does.
	waiting bool
	may     chan struct{}
	expired bool
	timer   *time.Timer
	// set counts the deadlines, so that the timer of a former one is recognised.
	set uint64
}

// Bits of users: the descriptor is to be closed when nobody is at it any more, and that has been done.
const (
	toClose  = 1 << 29
	didClose = 1 << 30
)

// fullReads is how many reads of one connection may fill their room before the others get a leader of their own.
const fullReads = 16

func newSwift(l *loop, fd int, conn net.Conn) *swift {
	return &swift{
		loop: l, fd: fd, local: conn.LocalAddr(), remote: conn.RemoteAddr(), ended: make(chan error, 1), ready: true,
		read: side{may: make(chan struct{}, 1)}, write: side{may: make(chan struct{}, 1)},
	}
}

// each reads into room and has took take what came, until took says that it is done or the connection ends, which is the error.
// It holds held but while it waits. took is called in the loop's goroutine, or in one that stands in for it.
func (c *swift) each(held tryLocker, room func() []byte, took func(n int) (done bool)) error {
	c.held, c.room, c.took = held, room, took
	c.mu.Lock()
	c.driven, c.running = true, true
	c.mu.Unlock()
	c.run()
	return <-c.ended
}

// run acts on what came until there is nothing more; the caller has set running.
func (c *swift) run() {
	for {
		c.mu.Lock()
		switch {
		case c.closed:
			c.finish(net.ErrClosed)
			return
		case c.read.expired:
			c.finish(os.ErrDeadlineExceeded)
			return
		case !c.ready:
			c.running = false
			c.mu.Unlock()
			return
		}
		c.ready = false
		over := c.over
		c.mu.Unlock()
		if done, err := c.step(over); done {
			c.mu.Lock()
			c.ready = true // for all that step knows
			c.finish(err)
			return
		}
	}
}

// finish ends each. It is called with c.mu held and returns without.
func (c *swift) finish(err error) {
	c.driven, c.running = false, false
	c.mu.Unlock()
	c.loop.woke.Store(true)
	c.ended <- err
}

// step reads until there is nothing more, or to the end of the stream where that is over.
func (c *swift) step(over bool) (done bool, err error) {
	c.loop.lock(c.held)
	defer c.held.Unlock()
	for full := 1; ; full++ {
		b := c.room()
		n, err := c.receive(b)
		switch {
		case err == syscall.EAGAIN:
			return false, nil
		case err != nil:
			return true, err
		}
		if c.took(n) {
			return true, nil
		}
		if n < len(b) && !over {
			return false, nil
		}
		if full == fullReads {
			c.loop.relieve()
		}
	}
}

// receive reads once. The error is syscall.EAGAIN where there is nothing.
func (c *swift) receive(b []byte) (int, error) {
	n, err := c.call(syscall.SYS_READ, "read", b)
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, err
}

// send writes once. The error is syscall.EAGAIN where there is no room.
func (c *swift) send(b []byte) (int, error) { return c.call(syscall.SYS_WRITE, "write", b) }

// call does the system call trap, named op, with b, anew where a signal came between.
func (c *swift) call(trap uintptr, op string, b []byte) (int, error) {
	if !c.enter() {
		return 0, net.ErrClosed
	}
	defer c.leave()
	for {
		n, _, errno := syscall.RawSyscall(trap, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, syscall.EAGAIN
		default:
			return 0, &net.OpError{Op: op, Net: c.remote.Network(), Addr: c.remote, Err: errno}
		}
	}
}

// enter and leave are around each use of the descriptor, so that it is not closed, and given to somebody else, meanwhile.
func (c *swift) enter() bool {
	if c.users.Add(1) >= toClose {
		c.leave()
		return false
	}
	return true
}

func (c *swift) leave() {
	if c.users.Add(-1) == toClose && c.users.CompareAndSwap(toClose, toClose|didClose) {
		_ = syscall.Close(c.fd)
	}
}

// happened acts on an event; the leader calls it.
func (c *swift) happened(came uint32) {
	c.mu.Lock()
	if came&(syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
		c.ready, c.over = true, true
	}
	if came&syscall.EPOLLIN != 0 {
		c.ready = true
	}
	if came&(syscall.EPOLLOUT|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
		c.wake(&c.write)
	}
	run := c.ready && c.driven && !c.running
	if run {
		c.running = true
	} else if c.ready {
		c.wake(&c.read)
	}
	c.mu.Unlock()
	if run {
		c.run()
	}
}

// wake ends the wait of who waits for s; c.mu is held.
func (c *swift) wake(s *side) {
	if s.waiting {
		s.waiting = false
		c.loop.woke.Store(true)
		select {
		case s.may <- struct{}{}:
		default:
		}
	}
}

// Read reads what is there, or waits for something.
func (c *swift) Read(p []byte) (int, error) {
	for {
		c.mu.Lock()
		if err := c.may(&c.read); err != nil {
			c.mu.Unlock()
			return 0, err
		}
		c.ready = false
		c.mu.Unlock()
		n, err := c.receive(p)
		if err != syscall.EAGAIN {
			c.mu.Lock()
			c.ready = true // for all that is known
			c.mu.Unlock()
			return n, err
		}
		c.mu.Lock()
		if c.ready || c.may(&c.read) != nil {
			c.mu.Unlock()
			continue
		}
		c.await(&c.read)
	}
}

// Write writes all of p.
func (c *swift) Write(p []byte) (int, error) {
	c.loop.lock(&c.writing)
	defer c.writing.Unlock()
	for wrote, waited := 0, false; ; {
		if wrote == len(p) {
			return wrote, nil
		}
		c.mu.Lock()
		err := c.may(&c.write)
		c.write.waiting = waited // before the attempt, so that no room that comes after it is missed
		c.mu.Unlock()
		if err != nil {
			return wrote, err
		}
		n, err := c.send(p[wrote:])
		switch {
		case err == syscall.EAGAIN && waited:
			c.mu.Lock()
			if c.write.waiting && c.may(&c.write) == nil {
				c.await(&c.write)
			} else {
				c.mu.Unlock()
			}
		case err == syscall.EAGAIN:
			waited = true
		case err != nil:
			return wrote, err
		default:
			wrote += n
		}
	}
}

// may is what stands against using a side; c.mu is held.
func (c *swift) may(s *side) error {
	switch {
	case c.closed:
		return net.ErrClosed
	case s.expired:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// await waits for a wake of s. It is called with c.mu held and returns without.
func (c *swift) await(s *side) {
	s.waiting = true
	c.mu.Unlock()
	c.loop.relieve()
	<-s.may
}

// LocalAddr is the address of this end.
func (c *swift) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the address of the far end.
func (c *swift) RemoteAddr() net.Addr { return c.remote }
