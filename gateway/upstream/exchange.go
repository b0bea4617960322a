package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// exchange is one request on its way to the app and back. It runs in the request's own goroutine; only the body of a
// large upload has one beside it.
type exchange struct {
	u *Upstream
	c *gin.Context
	// ticket is what the breaker gave for this exchange.
	ticket ticket
	began  int64 // nanoseconds since 1970
	// upgrade is true for a WebSocket handshake.
	upgrade bool
	conn    *conn
	// out is the head, and a small body behind it, in lent; both are nil once they were sent.
	out  []byte
	lent *outgoing
	// upload is the body that is sent while the answer is awaited, nil where there is none.
	upload *upload
	answer response
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// outgoing is room for what the app is sent.
type outgoing struct{ room []byte }

var outgoings = sync.Pool{New: func() any { return &outgoing{make([]byte, 0, 2<<10)} }}

// outMax is the capacity above which a buffer is not kept for the next exchange, in bytes.
const outMax = 64 << 10

func (u *Upstream) begin(c *gin.Context, t ticket) *exchange {
	x := exchanges.Get().(*exchange)
	x.u, x.c, x.ticket, x.began = u, c, t, u.parts.Now().UnixNano()
	u.meter.total.Add(1)
	u.meter.inFlight.Add(1)
	return x
}

// end runs also where a broken answer panics.
func (x *exchange) end() {
	x.u.meter.inFlight.Add(-1)
	x.u.breaker.tell(&x.ticket, errClientFault)
	if x.conn != nil {
		x.u.pool.drop(x.conn)
	}
	x.giveBack()
	fields := x.answer.fields
	clear(fields)
	*x = exchange{answer: response{fields: fields[:0]}}
	exchanges.Put(x)
}

// run carries the request to the app and the answer back.
func (x *exchange) run() {
	r := x.c.Request
	asks, sound := wantsUpgrade(r)
	if asks && !sound {
		x.refuse(fault{status: http.StatusBadRequest, reason: "an upgrade to something other than WebSocket"})
		return
	}
	x.upgrade = sound
	x.compose()
	if err := x.prepareBody(); err != nil {
		x.refuse(clientFault(err))
		return
	}
	if err := x.ask(); err != nil {
		x.fail(err)
		return
	}
	x.u.meter.observe(time.Duration(x.u.parts.Now().UnixNano() - x.began))
	x.u.breaker.tell(&x.ticket, nil)
	if x.answer.status == http.StatusSwitchingProtocols {
		x.switchProtocols()
		return
	}
	x.deliver()
}

// compose puts the head together.
func (x *exchange) compose() {
	x.lent = outgoings.Get().(*outgoing)
	x.out = x.appendHead(x.lent.room)
}

// giveBack gives the buffer of the request back.
func (x *exchange) giveBack() {
	if x.lent != nil && cap(x.out) <= outMax {
		x.lent.room = x.out[:0]
		outgoings.Put(x.lent)
	}
	x.lent, x.out = nil, nil
}

// ask sends the request and reads the head of the answer, again where that is allowed.
func (x *exchange) ask() error {
	err, fresh := x.once()
	if err != nil && !fresh && x.repeatable(err) {
		// The app had closed the connection while it was idle: that is no failure, and no reason to wait.
		x.u.pool.flush()
		err, _ = x.once()
	}
	s := x.u.settings.Retry
	for try := 1; err != nil && try < s.Attempts && x.repeatable(err); try++ {
		x.u.meter.retries.Add(1)
		if !pause(x.c.Request.Context(), jitter(s, try)) {
			return errClientGone
		}
		err, _ = x.once()
	}
	return err
}

// once makes one try. fresh is true where it had a connection of its own that had not been idle before.
func (x *exchange) once() (err error, fresh bool) {
	if err := x.connect(); err != nil {
		return err, true
	}
	if err = x.converse(); err != nil {
		fresh = !x.conn.reused || x.conn.heard
		x.u.pool.drop(x.conn)
		x.conn = nil
	}
	return err, fresh
}

// converse sends the request and reads the head of the answer. It keeps no buffer while it waits: of what is sent again, which
// has no body, the head is put together again.
func (x *exchange) converse() error {
	c := x.conn
	c.begin(x.c.Request.Context(), time.Now(), x.u.settings.Timeout)
	if x.out == nil {
		x.compose()
	}
	_, err := c.Write(x.out)
	x.giveBack()
	if err != nil {
		return c.why(noAnswer(err))
	}
	if x.upload == nil {
		return x.readHead()
	}
	x.upload.start(x)
	return x.upload.settle(x, x.readHead())
}

// connect takes an idle connection that is open and on which the app has said nothing, or makes one. What is said there was
// meant for nobody, such as a body after the answer to a HEAD: whoever asked next would be given it for an answer.
func (x *exchange) connect() error {
	for c := x.u.pool.take(); c != nil; c = x.u.pool.take() {
		if c.open() {
			x.conn = c
			return nil
		}
		x.u.pool.drop(c)
	}
	ctx, cancel := context.WithTimeout(x.c.Request.Context(), x.u.settings.DialTimeout)
	defer cancel()
	c, err := x.u.pool.dial(ctx)
	if err != nil {
		if x.c.Request.Context().Err() != nil {
			return errClientGone
		}
		return &dialError{err}
	}
	x.conn = c
	return nil
}

// readHead reads up to the head of the final answer; informational ones are passed on as they come.
func (x *exchange) readHead() error {
	for {
		if err := x.readOneHead(); err != nil {
			return err
		}
		switch status := x.answer.status; {
		case status == http.StatusSwitchingProtocols:
			if !x.upgrade || !hasToken(x.answer.upgrade, "websocket") {
				return malformed("a switch of protocols that nobody asked for")
			}
			return nil
		case status >= 200:
			return nil
		case status != http.StatusContinue:
			x.passOn()
		}
	}
}

func (x *exchange) readOneHead() error {
	c := x.conn
	for {
		n, err := headIn(c.buffered())
		if err != nil {
			return err
		}
		if n > 0 {
			text := string(c.buf[c.r : c.r+n])
			c.r += n
			return x.answer.parse(text)
		}
		if err := c.fillHead(); errors.Is(err, errFull) {
			return malformed("head larger than 64 KB")
		} else if err != nil && c.heard {
			return c.why(fmt.Errorf("%w: %w", errCutShort, err))
		} else if err != nil {
			return c.why(noAnswer(err))
		}
		c.heard = true
	}
}

// passOn sends an informational answer at once, with its own fields only.
func (x *exchange) passOn() {
	h := x.c.Writer.Header()
	kept := h.Clone()
	clear(h)
	x.answer.copyTo(h)
	x.c.Writer.WriteHeader(x.answer.status)
	clear(h)
	for key, values := range kept {
		h[key] = values
	}
}
