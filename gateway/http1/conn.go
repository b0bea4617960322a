package http1

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"sallyport/gateway/ingress"
)

// conn is one connection of a client. Its own goroutine reads requests and answers them one after another; the sweeper looks
// at its clock only.
type conn struct {
	server *Server
	raw    net.Conn
	// sys is raw for the kernel, nil where raw is no socket; try and tried are how wait reads from it.
	sys   syscall.RawConn
	try   func(fd uintptr) bool
	tried error

	// proto is what all requests of the connection have in common.
	proto *http.Request
	local net.Addr
	clock clock
	// watched is true while nothing more of the request is to come, so that the end of the client's direction means it has gone.
	watched atomic.Bool
	// in is nil while there is nothing unused in it and nothing more of a request to be read.
	in *inbox
	// turn is nil unless a request is under way.
	turn *turn
}

func newConn(s *Server, raw net.Conn) *conn {
	head, _ := s.Limits()
	c := &conn{server: s, raw: raw, local: raw.LocalAddr()}
	c.proto = &http.Request{ProtoMajor: 1, RemoteAddr: raw.RemoteAddr().String()}
	if socket, ok := raw.(syscall.Conn); ok {
		if sys, err := socket.SyscallConn(); err == nil {
			c.sys, c.try = sys, c.tryRead
		}
	}
	// A client that connects must begin to ask at once; only after its first request may it idle.
	c.enter(idle, s.after(head.HeaderTimeout), nil)
	return c
}

// serve answers requests until the connection ends, and closes it unless a handler took it over.
func (c *conn) serve() {
	for c.await() && c.next() {
	}
	if c.clock.phase != taken {
		// The other side may have closed it before.
		_ = c.raw.Close()
	}
}

// await returns once bytes of the next request are there; false where the connection has ended instead.
func (c *conn) await() bool {
	return c.in != nil || c.wait() == nil
}

// waitHolding reads into a buffer that is held all the time.
func (c *conn) waitHolding() error {
	c.in = newInbox()
	return c.read()
}

// next reads one request and answers it. It returns false where the connection must end.
func (c *conn) next() bool {
	n, ok := c.head()
	if !ok {
		return false
	}
	r, ctx := c.request(n)
	whole := c.handle(r)
	if c.clock.phase == taken {
		ctx.cancel()
		return false
	}
	keep := whole && c.finish()
	ctx.cancel()
	if !whole {
		c.breakOff()
		return false // a goroutine of the broken handler may still hold the turn
	}
	c.turn.release()
	c.turn = nil
	if !keep || c.server.closing.Load() {
		return false
	}
	c.rest()
	return true
}

// breakOff makes the end of the connection a reset where an orderly one would say that the answer is whole.
func (c *conn) breakOff() {
	if socket, ok := c.raw.(interface{ SetLinger(seconds int) error }); ok && c.turn.answer.framing == byClose {
		_ = socket.SetLinger(0) // a socket that takes no option has ended already
	}
}

// rest makes the connection wait for its next request. Where bytes of that have come already it is read at once.
func (c *conn) rest() {
	if c.in != nil {
		if !c.in.empty() {
			return
		}
		c.letGo()
	}
	_, keepAlive := c.server.Limits()
	c.enter(idle, c.server.after(keepAlive), nil)
}

// letGo gives the inbox, in which nothing is left, back.
func (c *conn) letGo() {
	c.in.release()
	c.in = nil
}

// head returns the length of the next request's head, once it is complete and sound.
func (c *conn) head() (int, bool) {
	in := c.in
	limits, _ := c.server.Limits()
	in.parser.Limit(limits)
	for hurried := false; ; {
		n, refusal := in.parser.Feed(in.buffered())
		switch {
		case refusal != nil:
			c.refuse(refusal)
			return 0, false
		case n > 0:
			return n, true
		}
		if !hurried {
			hurried = true
			c.enter(reading, c.server.after(limits.HeaderTimeout), nil)
		}
		in.room()
		if err := c.read(); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				in.parser.Feed(in.buffered()) // the bytes may have moved since: what the parser tells of them must be theirs
				c.refuse(errHeadTimeout)
			}
			return 0, false
		}
	}
}

// errHeadTimeout refuses a head that does not become complete.
var errHeadTimeout = &ingress.Refusal{Status: http.StatusRequestTimeout, Reason: "the request head did not arrive in time"}

// read reads more into the inbox, which must have room.
func (c *conn) read() error {
	in := c.in
	if in.empty() {
		in.r, in.w = 0, 0
	}
	n, err := c.raw.Read(in.buf[in.w:])
	in.w += n
	switch {
	case n > 0:
		return nil
	case err == nil:
		return io.ErrNoProgress
	}
	return err
}

// handle calls the handler and reports whether it returned. A panic is logged unless it is http.ErrAbortHandler; either
// cuts the connection, so that the client does not take half an answer for a whole one.
func (c *conn) handle(r *http.Request) (whole bool) {
	defer func() {
		v := recover()
		if v == nil || v == http.ErrAbortHandler {
			return
		}
		c.server.Logger.Error("panic in handler", "panic", v, "stack", string(debug.Stack()))
	}()
	c.server.Handler.ServeHTTP(&c.turn.answer, r)
	return true
}

// Bounds of the last words on a connection.
const (
	answerTime = time.Second            // for a refusal to be taken
	lingerTime = 500 * time.Millisecond // for the client to read an answer before the connection is cut
	lingerMax  = 8 << 20                // bytes that are read and dropped meanwhile
)

// refuse answers a request that never becomes one.
func (c *conn) refuse(r *ingress.Refusal) {
	c.server.OnRefusal(c.in.parser.Refused(r, c.raw.RemoteAddr()))
	now := time.Now()
	if c.setWrite(now.Add(answerTime)) != nil {
		return
	}
	if _, err := c.raw.Write(r.Answer(c.server.RefusalHeaders(), now)); err == nil {
		c.linger()
	}
}

// linger ends our direction and lets the client read what we said: closing with unread bytes would reset the connection and
// take the answer with it.
func (c *conn) linger() {
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.setRead(time.Now().Add(lingerTime)) != nil {
		return
	}
	// Whatever still comes, or that nothing does, is the same to us.
	_, _ = io.CopyN(io.Discard, c.raw, lingerMax)
}
