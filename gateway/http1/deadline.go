package http1

import (
	"sync"
	"time"
)

// phase is what a connection is about.
type phase uint8

const (
	idle     phase = iota // it waits for a request; nothing of it has come
	reading               // a head is on its way
	handling              // a handler is at work, or its answer is
	taken                 // the handler has taken the connection over
)

// clock holds the time limits of one connection. The server's sweeper looks at them; the kernel's own deadline is set only
// where one strikes or is so near that the sweeper would miss it.
type clock struct {
	mu    sync.Mutex // guards what follows
	phase phase
	// read and write are the moments in which reading and writing end, nanoseconds since 1970, 0 for none.
	read, write int64
	// readSet and writeSet are true while the kernel knows a deadline.
	readSet, writeSet bool
	// ctx is the running request's, since when it began.
	ctx   *requestContext
	since int64
}

// past is a deadline that has struck.
var past = time.Unix(1, 0)

// enter begins a phase whose reading ends at until; limits of the phase before are lifted.
func (c *conn) enter(p phase, until int64, ctx *requestContext) {
	k := &c.clock
	k.mu.Lock()
	k.phase, k.read, k.write, k.ctx = p, until, 0, ctx
	k.since = c.server.now.Load()
	// A connection that takes no deadline is closed already; the next read tells.
	if k.readSet {
		k.readSet = false
		_ = c.raw.SetReadDeadline(time.Time{})
	}
	if k.writeSet {
		k.writeSet = false
		_ = c.raw.SetWriteDeadline(time.Time{})
	}
	k.mu.Unlock()
}

// setRead moves the moment in which reading ends.
func (c *conn) setRead(t time.Time) error {
	k := &c.clock
	k.mu.Lock()
	defer k.mu.Unlock()
	near, ns := c.near(t)
	k.read = ns
	if near || k.readSet {
		k.readSet = near
		return c.raw.SetReadDeadline(only(near, t))
	}
	return nil
}

// setWrite moves the moment in which writing ends.
func (c *conn) setWrite(t time.Time) error {
	k := &c.clock
	k.mu.Lock()
	defer k.mu.Unlock()
	near, ns := c.near(t)
	k.write = ns
	if near || k.writeSet {
		k.writeSet = near
		return c.raw.SetWriteDeadline(only(near, t))
	}
	return nil
}

// near reports whether the kernel must know of t, and returns it in nanoseconds since 1970.
func (c *conn) near(t time.Time) (bool, int64) {
	if t.IsZero() {
		return false, 0
	}
	ns := t.UnixNano()
	return ns < c.server.now.Load()+int64(8*sweepEvery), ns
}

func only(near bool, t time.Time) time.Time {
	if near {
		return t
	}
	return time.Time{}
}

// sweep ends what is overdue, and cancels the running request where its client has gone.
func (c *conn) sweep(now int64) {
	k := &c.clock
	k.mu.Lock()
	if k.read != 0 && now > k.read && !k.readSet {
		k.readSet = true
		_ = c.raw.SetReadDeadline(past)
	}
	if k.write != 0 && now > k.write && !k.writeSet {
		k.writeSet = true
		_ = c.raw.SetWriteDeadline(past)
	}
	var gone *requestContext
	if k.phase == handling && k.ctx != nil && now-k.since > int64(sweepEvery)/2 && c.watched.Load() && c.clientGone() {
		gone = k.ctx
	}
	k.mu.Unlock()
	if gone != nil {
		gone.cancel()
	}
}

// leave ends an idle connection and reports whether the connection is one to wait for.
func (c *conn) leave() (busy bool) {
	k := &c.clock
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.phase == idle {
		k.readSet = true
		_ = c.raw.SetReadDeadline(past)
	}
	return k.phase != taken
}
