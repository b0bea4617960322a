package middleware

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// deadliner is what net/http's ResponseWriter can do; other writers, as tests use them, cannot.
type deadliner interface {
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// deadlines gives the request's body a pace: the next bytes must come within the idle time, and the whole at a minimum
// rate. The connection's own deadline does it, moved only when a quarter of the idle time has passed, so that no request
// has a timer and a stream that makes progress is never cut.
func (d *door) deadlines(c *gin.Context) {
	x := of(c)
	if x.body == nil {
		return
	}
	conn, ok := x.w.raw.(deadliner)
	if !ok {
		return
	}
	x.note(bodyPaced)
	x.body.pace = &pace{conn: conn, now: d.now, idle: d.timeouts.Idle, rate: d.timeouts.BodyRate, began: x.start}
}

// pace watches one body's progress. Reads come from one goroutine at a time, end and detach from any.
type pace struct {
	conn deadliner
	now  func() time.Time
	idle time.Duration
	rate int64 // bytes per second, 0 for none
	// began is when the request came, set when the deadline was last moved, got the bytes that came.
	began, set time.Time
	got        int64

	mu sync.Mutex // guards over and the order of deadlines
	// over is true once the deadline is not ours to move: the body ended, or its request did.
	over bool
}

// before gives the next read its time. It returns false where the body has been too slow altogether.
func (p *pace) before() bool {
	now := p.now()
	if p.rate > 0 && p.slow(now) {
		return false
	}
	if now.Sub(p.set) > p.idle/4 {
		p.set = now
		p.move(now.Add(p.idle+p.idle/4), false)
	}
	return true
}

// slow reports whether the body, past its first idle time, has come slower than the rate on average.
func (p *pace) slow(now time.Time) bool {
	took := now.Sub(p.began)
	return took > p.idle && float64(p.got) < float64(p.rate)*took.Seconds()
}

// after counts what came and takes the deadline away at the end of the body: net/http goes on watching the connection
// while the app works, and a deadline left behind would cancel the request. A body that broke off keeps it until detach:
// net/http reads on to throw the rest away, and would wait for ever for a client that stalls.
func (p *pace) after(n int, err error) {
	p.got += int64(n)
	if err == io.EOF {
		p.end()
	}
}

// end takes the deadline away.
func (p *pace) end() { p.move(time.Time{}, true) }

// detach leaves the connection to the next request: a transport that closes the body late must not touch its deadline.
// What net/http still reads of this body to throw it away has a last idle time.
func (p *pace) detach() { p.move(p.now().Add(p.idle), true) }

func (p *pace) move(to time.Time, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.over = last
	// A connection that is closed already says so at the read.
	_ = p.conn.SetReadDeadline(to)
}

// boundRest gives a body that no stage will read a quarter of the idle time to arrive: net/http reads some of it before it
// answers, to keep the connection, and would wait for ever for a client that announced a body and sends none. The answer
// must go out well before the write deadline.
func (x *exchange) boundRest(r *http.Request) {
	conn, ok := x.w.raw.(deadliner)
	if ok && x.body == nil && r.ContentLength != 0 && r.Body != http.NoBody {
		_ = conn.SetReadDeadline(x.door.now().Add(x.door.timeouts.Idle / 4))
	}
}

// armWrite gives the answer's first bytes their time to be taken.
func (x *exchange) armWrite(w http.ResponseWriter) {
	if conn, ok := w.(deadliner); ok {
		now := x.door.now()
		x.armed = now
		_ = conn.SetWriteDeadline(now.Add(x.door.timeouts.Idle + x.door.timeouts.Idle/4))
	}
}

// keepWriting moves the write deadline on when a quarter of the idle time has passed.
func (x *exchange) keepWriting(w http.ResponseWriter) {
	if x.door.now().Sub(x.armed) > x.door.timeouts.Idle/4 {
		x.armWrite(w)
	}
}

// disarm takes every deadline from a connection that was handed over.
func (x *exchange) disarm(conn net.Conn) { _ = conn.SetDeadline(time.Time{}) }

// isConnError reports a connection that broke or was closed.
func isConnError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, net.ErrClosed)
}
