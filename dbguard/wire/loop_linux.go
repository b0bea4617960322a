package wire

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

// loop waits with epoll(7) for all swift connections at once. One goroutine, the leader, waits and acts on what came, one
// connection after the other, so that an answer that goes from a server to its client, and the next statement from the queue to that
// server, cost four system calls and no switch of goroutines.
//
// What the leader calls may have to wait: for a slow client, a lock, a server that logs in. Before it does it calls relieve, which
// makes another goroutine the leader; the former one ends when its call has returned. Where somebody forgot to, patrol notices.
type loop struct {
	epoll int
	// poll waits for the epoll descriptor itself as the runtime waits for connections. It is nil where there are processors enough for
	// the leader to wait in the kernel, which costs less, but keeps its processor from the network's other goroutines for up to 10 ms.
	poll     syscall.RawConn
	pollFile *os.File
	// wake[0] is watched; a byte in wake[1] ends the leader's wait for good.
	wake    [2]int
	leaders sync.WaitGroup
	// woke says that a goroutine was woken since the last wait.
	woke atomic.Bool

	mu     sync.Mutex // guards everything below
	conns  []*swift   // by descriptor
	serial int32
	// batch[next:came] are the events that nobody has acted on yet.
	batch      [128]syscall.EpollEvent
	next, came int
	// turn is the leader's number. acting says that it is inside a call, acted counts those, and patrolled is acted at the last patrol.
	turn             uint64
	acting           bool
	acted, patrolled uint64
	// yielded is acted when the leader last let others run; it is the leader's.
	yielded uint64
	closed  bool
}

// events are what a connection is watched for, each time anew: see "edge-triggered" in epoll(7).
const events = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | 1<<31 // EPOLLET, which package syscall has as a negative number

// yieldAfter is how many events the leader acts on before it lets others run. The runtime takes a goroutine that has not done so
// for 10 ms for one that computes without end, interrupts it, and watches more closely for a while, which costs more than this.
const yieldAfter = 128

// newLoop starts a loop; shared is for a machine of one processor, see loop.poll.
func newLoop(shared bool) (*loop, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	l := &loop{epoll: epoll}
	if err := syscall.Pipe2(l.wake[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		_ = syscall.Close(epoll)
		return nil, fmt.Errorf("pipe2: %w", err)
	}
	wake := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(l.wake[0])}
	if err := syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, l.wake[0], &wake); err != nil {
		l.release()
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	if shared {
		if err := l.share(); err != nil {
			l.release()
			return nil, err
		}
	}
	l.leaders.Go(func() { l.lead(0) })
	return l, nil
}

// close ends the leader. The connections must be closed by then.
func (l *loop) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	_, _ = syscall.Write(l.wake[1], []byte{0})
	l.leaders.Wait()
	l.release()
}

func (l *loop) release() {
	if l.pollFile != nil {
		_ = l.pollFile.Close() // and the descriptor with it
	} else {
		_ = syscall.Close(l.epoll)
	}
	_ = syscall.Close(l.wake[0])
	_ = syscall.Close(l.wake[1])
}

// lead acts on events until another leader has taken over.
func (l *loop) lead(turn uint64) {
	for {
		c, came := l.event(turn)
		if c == nil {
			return
		}
		c.happened(came)
	}
}

// event returns the next event, and nil where there is another leader, or none any more.
func (l *loop) event(turn uint64) (c *swift, came uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.turn == turn {
		l.acting = false
		for l.next < l.came {
			e := &l.batch[l.next]
			l.next++
			if int(e.Fd) >= len(l.conns) {
				continue // wake[0], above all connections
			}
			if c := l.conns[e.Fd]; c != nil && c.serial == e.Pad {
				l.acting = true
				l.acted++
				return c, e.Events
			}
		}
		if l.closed {
			return nil, 0
		}
		tired := l.acted-l.yielded >= yieldAfter
		if tired {
			l.yielded = l.acted
		}
		l.mu.Unlock()
		if l.woke.Swap(false) || tired {
			runtime.Gosched() // those woken wait for this processor, which a system call would keep from them
		}
		n := l.wait()
		l.mu.Lock()
		l.next, l.came = 0, n
	}
	return nil, 0
}

// share has the leader wait in the runtime.
func (l *loop) share() error {
	if err := syscall.SetNonblock(l.epoll, true); err != nil { // so that the file takes it for one to wait for
		return fmt.Errorf("fcntl: %w", err)
	}
	l.pollFile = os.NewFile(uintptr(l.epoll), "epoll")
	raw, err := l.pollFile.SyscallConn()
	if err != nil {
		return fmt.Errorf("wait for epoll: %w", err)
	}
	l.poll = raw
	return nil
}

// wait fills the batch and returns the number of events; 0 where a signal came between.
func (l *loop) wait() (n int) {
	if l.poll == nil {
		n, _ = syscall.EpollWait(l.epoll, l.batch[:], -1)
		return max(n, 0)
	}
	_ = l.poll.Read(func(uintptr) bool {
		n, _ = syscall.EpollWait(l.epoll, l.batch[:], 0)
		return n != 0
	})
	return max(n, 0)
}

// relieve makes another goroutine the leader where the present one is inside a call. Who is about to wait calls it, whether it is the
// leader or not.
func (l *loop) relieve() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.replace()
}

// replace is relieve with l.mu held.
func (l *loop) replace() {
	if !l.acting || l.closed {
		return
	}
	l.acting = false
	l.turn++
	turn := l.turn
	l.leaders.Go(func() { l.lead(turn) })
}

// patrol replaces a leader that has been inside one call since the last patrol.
func (l *loop) patrol() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.acting && l.acted == l.patrolled {
		l.replace()
	}
	l.patrolled = l.acted
}

// lock locks m, and lets another goroutine lead where it has to wait for that.
func (l *loop) lock(m tryLocker) {
	if !m.TryLock() {
		l.relieve()
		m.Lock()
	}
}

// take makes a plain connection of the kernel swift, and returns any other as it is.
func (l *loop) take(conn net.Conn) net.Conn {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return conn
	}
	fd, err := duplicate(conn.(syscall.Conn))
	if err != nil {
		return conn // which serves as well, only not as swiftly
	}
	c := newSwift(l, fd, conn)
	if err := l.add(c); err != nil {
		_ = syscall.Close(fd)
		return conn
	}
	_ = conn.Close() // its descriptor, so that the runtime watches it no more
	return c
}

// duplicate returns another descriptor of the connection, which does not block either.
func duplicate(conn syscall.Conn) (fd int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var errno syscall.Errno
	err = raw.Control(func(old uintptr) {
		var n uintptr
		n, _, errno = syscall.Syscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0)
		fd = int(n)
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return fd, err
}

// add begins to watch c.
func (l *loop) add(c *swift) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.conns) <= c.fd {
		l.conns = append(l.conns, nil)
	}
	l.serial++
	c.serial = l.serial
	l.conns[c.fd] = c
	watch := syscall.EpollEvent{Events: events, Fd: int32(c.fd), Pad: c.serial}
	if err := syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, c.fd, &watch); err != nil {
		l.conns[c.fd] = nil
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// forget ends the watch of c, whose descriptor is closed soon.
func (l *loop) forget(c *swift) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c.fd] = nil
}
