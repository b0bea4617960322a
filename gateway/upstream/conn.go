package upstream

import (
	"context"
	"errors"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is one connection to the app. One exchange uses it at a time, in its own goroutine; the sweeper only cuts it.
type conn struct {
	net.Conn
	// sys is Conn for the kernel, nil where Conn is no socket; try is how wait reads from it, and tried what came of that.
	sys   syscall.RawConn
	try   func(fd uintptr) bool
	tried error
	// buf holds bytes that were read; those in r..w were not used yet. It is nil while there are none, and small, large or,
	// for a rare large head, memory of its own.
	buf   []byte
	r, w  int
	small *smallRoom
	large *largeRoom
	// body is true from where large pieces may come.
	body bool
	// reused is true from the second exchange on, heard once a byte of the answer came, broken where there must be no
	// further exchange.
	reused, heard, broken bool
	// idleSince is when it came back to the pool, keepFor how long the app keeps it.
	idleSince time.Time
	keepFor   time.Duration

	// since is when the app or we last moved a byte, in nanoseconds since 1970, or waiting.
	since atomic.Int64

	mu sync.Mutex // guards what follows
	// limit is how long the phase may last without a byte, 0 where the connection is idle.
	limit time.Duration
	// client is the context of the request that is served.
	client context.Context
	// cut is why the phase was ended from outside, nil where it was not.
	cut error
}

// Why a phase was ended from outside.
var (
	errOverdue    = errors.New("no byte within the time limit")
	errClientGone = errors.New("the client is gone")
)

func newConn(raw net.Conn) *conn {
	c := &conn{Conn: raw}
	if socket, ok := raw.(syscall.Conn); ok {
		if sys, err := socket.SyscallConn(); err == nil {
			c.sys, c.try = sys, c.tryRead
		}
	}
	return c
}

// begin starts a phase that may last limit without a byte, for a request with the context client.
func (c *conn) begin(client context.Context, now time.Time, limit time.Duration) {
	c.heard = false
	c.since.Store(now.UnixNano())
	c.mu.Lock()
	c.limit, c.client = limit, client
	c.mu.Unlock()
}

// end ends the phase and returns why it was cut, nil where it was not.
func (c *conn) end() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit, c.client = 0, nil
	return c.cut
}

// why returns the reason of a cut instead of err where there was one.
func (c *conn) why(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut != nil {
		return c.cut
	}
	return err
}

// sweep cuts the running phase where it is overdue or its client has gone.
func (c *conn) sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.limit == 0:
	case c.client.Err() != nil:
		c.cutOff(errClientGone)
	case now.UnixNano()-c.since.Load() > int64(c.limit):
		c.cutOff(errOverdue)
	}
}

// interrupt cuts the running phase.
func (c *conn) interrupt(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutOff(why)
}

// cutOff ends reading and writing; the first reason holds. The lock is held.
func (c *conn) cutOff(why error) {
	if c.cut != nil {
		return
	}
	c.cut = why
	// A connection that takes no deadline is closed already.
	_ = c.SetDeadline(time.Unix(1, 0))
}

// resume takes back a cut, so that what the app sent can still be read; the connection stays broken.
func (c *conn) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(c.cut, errOverdue) {
		c.cut, c.broken = nil, true
		_ = c.SetDeadline(time.Time{})
	}
}

// waiting stands for since while the client is to move, so that the app's time does not run.
const waiting = math.MaxInt64

// moved tells the sweeper that bytes flow.
func (c *conn) moved() {
	if c.since.Load() != waiting {
		c.since.Store(time.Now().UnixNano())
	}
}

// hold stops the app's time, and starts it again.
func (c *conn) hold(stop bool) {
	if stop {
		c.since.Store(waiting)
		return
	}
	c.since.Store(time.Now().UnixNano())
}
